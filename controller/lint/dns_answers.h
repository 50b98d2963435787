// What the DNS says of a site's hosts: asked on a worker, then added to the facts.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/dns/resolver.h"
#include "common/status/status.h"
#include "controller/lint/facts.h"

namespace lockstep::controller::lint {

struct DnsAnswer {
  Hostname host;
  Status status;  // why its HTTPS records are not known
  std::vector<dns::ServiceBinding> https;
  std::vector<IpAddress> addresses;  // none: not known, or there are none
  // Where the names lead that HTTPS records point to.
  std::map<std::string, std::vector<IpAddress>> targets;
};

// Asks for each host in turn until `before`; the ones that are left say so. Blocks.
std::vector<DnsAnswer> AskDns(const dns::Resolver& resolver, const std::vector<Hostname>& hosts,
                              const Clock& clock, MonoTime before, const std::stop_token& stop);

// Pure.
void AddDns(const std::vector<DnsAnswer>& answers, SiteFacts* facts);

}  // namespace lockstep::controller::lint
