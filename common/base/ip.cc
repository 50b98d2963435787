#include "common/base/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "common/base/hostname.h"

namespace lockstep {

Result<IpAddress> IpAddress::Parse(std::string_view text) {
  IpAddress out;
  const std::string copy(text);
  if (copy.size() == text.size() && copy.find('\0') == std::string::npos) {
    if (inet_pton(AF_INET, copy.c_str(), out.bytes_.data()) == 1) return out;
    out.family_ = Family::kIpv6;
    if (inet_pton(AF_INET6, copy.c_str(), out.bytes_.data()) == 1) {
      out.UnmapIpv4();
      return out;
    }
  }
  return InvalidArgument(Quoted(text) + " is no IP address");
}

Result<IpAddress> IpAddress::FromSockaddr(const sockaddr* address) {
  IpAddress out;
  if (address->sa_family == AF_INET) {
    std::memcpy(out.bytes_.data(), &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
    return out;
  }
  if (address->sa_family == AF_INET6) {
    out.family_ = Family::kIpv6;
    std::memcpy(out.bytes_.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, 16);
    out.UnmapIpv4();
    return out;
  }
  return InvalidArgument("socket address is neither IPv4 nor IPv6");
}

void IpAddress::UnmapIpv4() {
  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!std::equal(kMapped.begin(), kMapped.end(), bytes_.begin())) return;
  std::copy(bytes_.begin() + 12, bytes_.end(), bytes_.begin());
  std::fill(bytes_.begin() + 4, bytes_.end(), uint8_t{0});
  family_ = Family::kIpv4;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(is_v6() ? AF_INET6 : AF_INET, bytes_.data(), text, sizeof text);
  return text;
}

std::string IpAddress::ToUrlHost() const { return is_v6() ? "[" + ToString() + "]" : ToString(); }

std::string IpAddress::Bytes() const {
  return std::string(reinterpret_cast<const char*>(bytes_.data()), is_v6() ? 16 : 4);
}

bool IpAddress::IsLoopback() const {
  if (!is_v6()) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t b) { return b == 0; }) &&
         bytes_[15] == 1;
}

bool IpAddress::IsLinkLocal() const {
  if (!is_v6()) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::IsUnspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](uint8_t b) { return b == 0; });
}

bool IpAddress::IsMulticast() const {
  return is_v6() ? bytes_[0] == 0xff : (bytes_[0] & 0xf0) == 0xe0;
}

Result<Endpoint> Endpoint::Parse(std::string_view text) {
  const Status bad = InvalidArgument(
      Quoted(text) + " is no address with port, such as 203.0.113.10:443 or [::1]:443");
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  auto address = IpAddress::Parse(host);
  if (!address.ok() || (host.find(':') != std::string_view::npos) != bracketed) return bad;
  Endpoint out{*address, 0};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return bad;
  return out;
}

std::string Endpoint::ToString() const { return address.ToUrlHost() + ":" + std::to_string(port); }

socklen_t Endpoint::ToSockaddr(sockaddr_storage* storage) const {
  std::memset(storage, 0, sizeof *storage);
  const std::string bytes = address.Bytes();
  if (address.is_v6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    std::memcpy(&v6->sin6_addr, bytes.data(), 16);
    return sizeof(sockaddr_in6);
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(storage);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port);
  std::memcpy(&v4->sin_addr, bytes.data(), 4);
  return sizeof(sockaddr_in);
}

}  // namespace lockstep
