// IP addresses and (address, port) pairs, parsed once.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep {

enum class Family { kIpv4, kIpv6 };

// An IPv4 or IPv6 address without zone. An IPv4-mapped one (::ffff:203.0.113.10) becomes the IPv4
// address it reaches, so that it cannot pass for another. Ordered: all IPv4 before all IPv6.
class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  static Result<IpAddress> Parse(std::string_view text);
  static Result<IpAddress> FromSockaddr(const sockaddr* address);

  Family family() const { return family_; }
  bool is_v6() const { return family_ == Family::kIpv6; }
  std::string ToString() const;   // "203.0.113.10", "2001:db8:a::10"
  std::string ToUrlHost() const;  // "203.0.113.10", "[2001:db8:a::10]"
  // The 4 or 16 bytes in network order.
  std::string Bytes() const;

  bool IsLoopback() const;
  bool IsLinkLocal() const;
  bool IsUnspecified() const;
  bool IsMulticast() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  void UnmapIpv4();

  Family family_ = Family::kIpv4;
  std::array<uint8_t, 16> bytes_{};  // IPv4 in the first four
};

// An address and a port, as a socket takes them.
struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  // "203.0.113.10:443", "[2001:db8:a::10]:443"; the port is required.
  static Result<Endpoint> Parse(std::string_view text);
  std::string ToString() const;
  // Fills `storage`; returns the length for connect/bind.
  socklen_t ToSockaddr(sockaddr_storage* storage) const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace lockstep
