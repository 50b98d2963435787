// The system's name servers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/ip.h"

namespace lockstep::dns {

// The `nameserver` lines of a resolv.conf, at most three; those with a zone ("fe80::1%eth0") or
// garbage are left out. 127.0.0.1:53 if there is none, as resolv.conf(5) says.
std::vector<Endpoint> ParseResolvConf(std::string_view text);

// Those of the file at `path` as it is now; an unreadable one counts as empty.
std::vector<Endpoint> ReadResolvConf(const std::string& path);

}  // namespace lockstep::dns
