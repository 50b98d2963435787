// One UDP datagram on its way in, and where it arrived.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <span>

namespace lockstep::agent::quicd::server {

class UdpSocket;

struct Datagram {
  UdpSocket* socket;  // where it arrived; outlives the call it is passed to
  ngtcp2_addr remote;
  uint8_t ecn;
  std::span<const uint8_t> bytes;
};

// Whether two socket addresses have the same IP address, whatever their ports.
bool SameAddress(const sockaddr* a, const sockaddr* b);
// Whether they are the same altogether.
bool SameEndpoint(const sockaddr* a, const sockaddr* b);

}  // namespace lockstep::agent::quicd::server
