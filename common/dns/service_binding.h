// HTTPS records (RFC 9460).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/status/status.h"

namespace lockstep::dns {

struct ServiceBinding {
  uint16_t priority = 0;  // 0 = alias mode: `target` is asked instead and the rest is empty
  std::string target;     // "." = the owner itself
  std::vector<std::string> alpn;
  bool no_default_alpn = false;
  std::optional<uint16_t> port;
  std::vector<IpAddress> ipv4_hints;
  std::vector<IpAddress> ipv6_hints;
  // Every parameter as sent, by its key, those above included (5 is ech).
  std::map<uint16_t, std::string> parameters;
  Seconds ttl{0};  // the record's, where it came from a server
};

// One HTTPS or SVCB record's data (RFC 9460 §2.2). DataLoss if it is malformed.
Result<ServiceBinding> ParseServiceBinding(std::string_view rdata);

}  // namespace lockstep::dns
