#include "common/dns/resolv_conf.h"

#include <fstream>
#include <sstream>

#include "common/dns/message.h"

namespace lockstep::dns {
namespace {

constexpr size_t kMaxServers = 3;  // MAXNS of resolv.h

}  // namespace

std::vector<Endpoint> ParseResolvConf(std::string_view text) {
  std::vector<Endpoint> out;
  std::istringstream lines{std::string(text)};
  for (std::string line; out.size() < kMaxServers && std::getline(lines, line);) {
    std::istringstream words(line);
    std::string keyword;
    std::string server;
    if (!(words >> keyword >> server) || keyword != "nameserver") continue;
    if (const auto address = IpAddress::Parse(server); address.ok()) {
      out.push_back({*address, kDnsPort});
    }
  }
  if (out.empty()) out.push_back({*IpAddress::Parse("127.0.0.1"), kDnsPort});
  return out;
}

std::vector<Endpoint> ReadResolvConf(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return ParseResolvConf(text.str());
}

}  // namespace lockstep::dns
