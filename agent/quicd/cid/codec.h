// Connection IDs that say which node made them (draft-ietf-quic-load-balancers, single-pass form).
//
//   first octet   config id (3 bits), then how many octets follow (5 bits): 16
//   16 octets     server id and nonce, encrypted as one AES-128 block under a key of the fleet's
//
// Whoever lacks the key sees 16 random octets: two connection IDs of one connection cannot be
// linked. Whoever has it knows at a glance whether a stray packet belongs to this node, and an ID
// of this node can be forged by nobody else: eight octets would have to come out right by chance.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/secret.h"
#include "common/status/status.h"

namespace lockstep::agent::quicd::cid {

inline constexpr size_t kLength = 17;
inline constexpr size_t kBlock = 16;
inline constexpr size_t kKeyBytes = 16;
// 7 marks connection IDs that name nobody.
inline constexpr uint8_t kMaxConfigId = 6;
inline constexpr size_t kMinServerIdBytes = 1;
inline constexpr size_t kMaxServerIdBytes = 12;  // a nonce has at least 4

using ConnectionId = std::array<uint8_t, kLength>;

struct Key {
  uint8_t config_id = 0;
  crypto::Secret secret;  // kKeyBytes

  Key Clone() const { return {config_id, secret.Clone()}; }
};

enum class Owner {
  kOurs,         // made by this node, now or before a restart
  kAnotherNode,  // made under a key that we know, by another node
  kUnknown,      // anything else
};

class Codec {
 public:
  // The first key makes connection IDs; all of them read. INVALID_ARGUMENT for a server id or a key
  // of the wrong size, or two keys with one config id.
  static Result<std::shared_ptr<const Codec>> Create(std::string server_id,
                                                     const std::vector<Key>& keys);
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  // With a random nonce. One thread at a time.
  ConnectionId Make() const;
  // With this nonce, which has kBlock minus the server id's bytes.
  ConnectionId MakeWith(std::span<const uint8_t> nonce) const;
  Owner OwnerOf(std::span<const uint8_t> connection_id) const;

 private:
  struct Cipher;
  explicit Codec(std::string server_id);
  std::string_view NextNonce() const;

  const std::string server_id_;
  // Random bytes, drawn many at a time: to ask OpenSSL for ten of them costs as much as to ask for
  // a thousand, and a connection needs eight nonces.
  mutable std::string random_;
  mutable size_t random_used_ = 0;
  std::vector<std::unique_ptr<Cipher>> ciphers_;
};

}  // namespace lockstep::agent::quicd::cid
