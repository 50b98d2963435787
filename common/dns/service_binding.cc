#include "common/dns/service_binding.h"

#include <netinet/in.h>

#include <cstring>

#include "common/dns/rdata.h"

namespace lockstep::dns {
namespace {

// RFC 9460 §14.3.2.
constexpr uint16_t kAlpn = 1;
constexpr uint16_t kNoDefaultAlpn = 2;
constexpr uint16_t kPort = 3;
constexpr uint16_t kIpv4Hint = 4;
constexpr uint16_t kIpv6Hint = 6;

bool ReadAlpn(std::string_view value, std::vector<std::string>* out) {
  RdataReader reader(value);
  while (!reader.empty()) {
    const auto length = reader.TakeUint8();
    const auto id = length && *length > 0 ? reader.TakeBytes(*length) : std::nullopt;
    if (!id) return false;
    out->emplace_back(*id);
  }
  return !out->empty();
}

bool ReadHints(std::string_view value, Family family, std::vector<IpAddress>* out) {
  const size_t size = family == Family::kIpv4 ? sizeof(in_addr) : sizeof(in6_addr);
  if (value.empty() || value.size() % size != 0) return false;
  for (; !value.empty(); value.remove_prefix(size)) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    std::memcpy(&v4.sin_addr, value.data(), sizeof v4.sin_addr);
    if (family == Family::kIpv6) std::memcpy(&v6.sin6_addr, value.data(), sizeof v6.sin6_addr);
    const auto* address = family == Family::kIpv4 ? reinterpret_cast<const sockaddr*>(&v4)
                                                  : reinterpret_cast<const sockaddr*>(&v6);
    out->push_back(*IpAddress::FromSockaddr(address));
  }
  return true;
}

bool ReadParameter(uint16_t key, std::string_view value, ServiceBinding* out) {
  switch (key) {
    case kAlpn:
      return ReadAlpn(value, &out->alpn);
    case kNoDefaultAlpn:
      out->no_default_alpn = true;
      return value.empty();
    case kPort: {
      RdataReader reader(value);
      out->port = reader.TakeUint16();
      return out->port.has_value() && reader.empty();
    }
    case kIpv4Hint:
      return ReadHints(value, Family::kIpv4, &out->ipv4_hints);
    case kIpv6Hint:
      return ReadHints(value, Family::kIpv6, &out->ipv6_hints);
    default:
      return true;
  }
}

}  // namespace

Result<ServiceBinding> ParseServiceBinding(std::string_view rdata) {
  const Status malformed = DataLoss("malformed HTTPS record");
  ServiceBinding out;
  RdataReader reader(rdata);
  const auto priority = reader.TakeUint16();
  auto target = reader.TakeName();
  if (!priority || !target) return malformed;
  out.priority = *priority;
  out.target = std::move(*target);
  if (out.priority == 0) return out;  // §2.4.2: parameters of an alias are ignored
  while (!reader.empty()) {
    const auto key = reader.TakeUint16();
    const auto length = key ? reader.TakeUint16() : std::nullopt;
    const auto value = length ? reader.TakeBytes(*length) : std::nullopt;
    // §2.2: keys in strictly increasing order.
    if (!value || (!out.parameters.empty() && out.parameters.rbegin()->first >= *key) ||
        !ReadParameter(*key, *value, &out)) {
      return malformed;
    }
    out.parameters.emplace(*key, *value);
  }
  return out;
}

}  // namespace lockstep::dns
