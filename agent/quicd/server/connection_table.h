// Which connection a packet belongs to: by its destination connection ID, whatever addresses it
// travels between.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <unordered_map>

#include "common/base/encoding.h"

namespace lockstep::agent::quicd::server {

class Connection;

struct CidKey {
  explicit CidKey(std::span<const uint8_t> id) : size(static_cast<uint8_t>(id.size())) {
    std::memcpy(bytes.data(), id.data(), id.size());
  }
  explicit CidKey(const ngtcp2_cid& id) : CidKey(std::span(id.data, id.datalen)) {}
  friend bool operator==(const CidKey&, const CidKey&) = default;

  std::array<uint8_t, NGTCP2_MAX_CIDLEN> bytes{};
  uint8_t size;
};

class ConnectionTable {
 public:
  ConnectionTable() : connections_(0, Hash()) {}

  Connection* Find(std::span<const uint8_t> id) const {
    if (id.size() > NGTCP2_MAX_CIDLEN) return nullptr;
    const auto found = connections_.find(CidKey(id));
    return found == connections_.end() ? nullptr : found->second;
  }
  // False if another connection has the ID.
  bool Insert(const CidKey& id, Connection* connection) {
    return connections_.emplace(id, connection).first->second == connection;
  }
  void Erase(const CidKey& id, const Connection* connection) {
    const auto found = connections_.find(id);
    if (found != connections_.end() && found->second == connection) connections_.erase(found);
  }
  size_t size() const { return connections_.size(); }

 private:
  // Keyed: the IDs of first packets are the clients' to choose, and must not be a way to make the
  // table slow.
  struct Hash {
    Hash() {
      const std::string random = RandomBytes(sizeof(seed));
      std::memcpy(&seed, random.data(), sizeof(seed));
    }
    size_t operator()(const CidKey& key) const {
      uint64_t low = 0;
      uint64_t high = 0;
      uint32_t last = 0;
      std::memcpy(&low, key.bytes.data(), 8);
      std::memcpy(&high, key.bytes.data() + 8, 8);
      std::memcpy(&last, key.bytes.data() + 16, 4);
      return static_cast<size_t>(
          Mix(Mix(low ^ seed[0], high ^ seed[1]), (uint64_t{last} << 8 | key.size) ^ seed[2]));
    }
    static uint64_t Mix(uint64_t a, uint64_t b) {
      __extension__ using Wide = unsigned __int128;
      const Wide product = static_cast<Wide>(a) * b;
      return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    }
    std::array<uint64_t, 3> seed{};
  };

  std::unordered_map<CidKey, Connection*, Hash> connections_;
};

}  // namespace lockstep::agent::quicd::server
