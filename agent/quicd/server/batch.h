// Packets of one connection on their way out: as many as go together in one system call.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "agent/quicd/server/udp_socket.h"

namespace lockstep::agent::quicd::server {

// Datagrams of one size (but the last), between the same two addresses, with the same ECN mark. One
// per server: a connection starts it, adds to it, and has sent all of it before another does.
class Batch {
 public:
  using FindSocket = std::function<UdpSocket*(const sockaddr* seen)>;
  explicit Batch(FindSocket find_socket);

  void Start() {
    begin_ = used_ = segment_ = 0;
    blocked_ = false;
  }
  // Where the next packet is to be written.
  std::span<uint8_t> room() { return std::span(buffer_).subspan(used_); }
  // `size` bytes have been written there. Sends what cannot go together with them.
  void Add(size_t size, const ngtcp2_path& path, uint8_t ecn);
  void Send();
  // All bytes since Start.
  size_t total() const { return used_; }
  // A socket took no more.
  bool blocked() const { return blocked_; }

 private:
  bool GoesWith(size_t size, const ngtcp2_path& path, uint8_t ecn) const;

  const FindSocket find_socket_;
  std::array<uint8_t, kMaxBatchBytes> buffer_{};
  size_t begin_ = 0;  // of what has not been sent
  size_t used_ = 0;
  size_t segment_ = 0;
  ngtcp2_path_storage path_{};
  uint8_t ecn_ = 0;
  bool blocked_ = false;
};

}  // namespace lockstep::agent::quicd::server
