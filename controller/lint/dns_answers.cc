#include "controller/lint/dns_answers.h"

#include <algorithm>
#include <set>

namespace lockstep::controller::lint {
namespace {

constexpr size_t kMaxTargets = 8;  // of one host

DnsAnswer AskOne(const dns::Resolver& resolver, const Hostname& host, const std::stop_token& stop) {
  DnsAnswer out{host, {}, {}, {}, {}};
  auto https = resolver.LookupHttps(host, stop);
  if (!https.ok()) {
    out.status = https.status();
    return out;
  }
  out.https = *std::move(https);
  if (auto found = resolver.LookupAddresses(host, stop); found.ok()) {
    out.addresses = std::move(found->addresses);
  }
  for (const dns::ServiceBinding& record : out.https) {
    const Result<Hostname> target = Hostname::Parse(record.target);
    if (!target.ok() || *target == host || out.targets.size() == kMaxTargets) continue;
    if (auto found = resolver.LookupAddresses(*target, stop); found.ok()) {
      out.targets[record.target] = std::move(found->addresses);
    }
  }
  return out;
}

edge::LintInput::HttpsRecord ToRecord(const Hostname& host, const dns::ServiceBinding& binding) {
  edge::LintInput::HttpsRecord out;
  out.host = host;
  out.ttl = binding.ttl;
  // A record may spell the owner out where others write ".".
  out.target = binding.target == host.ascii() ? "." : binding.target;
  out.alpn = binding.alpn;
  out.port = binding.port.value_or(443);
  out.hints = binding.ipv4_hints;
  out.hints.insert(out.hints.end(), binding.ipv6_hints.begin(), binding.ipv6_hints.end());
  return out;
}

bool IsOfOneNode(const std::vector<IpAddress>& addresses, const SiteFacts& facts) {
  std::set<NodeName> nodes;
  for (const IpAddress& address : addresses) {
    const auto owner = facts.owners.find(address);
    if (owner == facts.owners.end()) return false;
    nodes.insert(owner->second);
  }
  return nodes.size() == 1;
}

}  // namespace

std::vector<DnsAnswer> AskDns(const dns::Resolver& resolver, const std::vector<Hostname>& hosts,
                              const Clock& clock, MonoTime before, const std::stop_token& stop) {
  std::vector<DnsAnswer> out;
  for (const Hostname& host : hosts) {
    if (stop.stop_requested() || clock.Mono() > before) {
      out.push_back({host, DeadlineExceeded("there was no time left to ask"), {}, {}, {}});
    } else {
      out.push_back(AskOne(resolver, host, stop));
    }
  }
  return out;
}

void AddDns(const std::vector<DnsAnswer>& answers, SiteFacts* facts) {
  edge::LintInput& input = facts->input;
  size_t answered = 0;
  for (const DnsAnswer& answer : answers) {
    const std::string host = answer.host.ascii();
    if (!answer.status.ok()) {
      facts->not_looked_at.push_back("HTTPS records of " + host + ": " + answer.status.message());
      continue;
    }
    ++answered;
    for (const dns::ServiceBinding& binding : answer.https) {
      if (binding.priority == 0) {
        facts->not_looked_at.push_back("HTTPS records of " + host + ": they are those of " +
                                       Quoted(binding.target));
        continue;
      }
      input.https.push_back(ToRecord(answer.host, binding));
      const auto target = answer.targets.find(binding.target);
      if (target != answer.targets.end() && IsOfOneNode(target->second, *facts)) {
        input.node_names.push_back(binding.target);
      }
    }
    for (const IpAddress& address : answer.addresses) {
      const auto& ours = input.service_addresses;
      if (std::ranges::find(ours, address) == ours.end()) input.origin.sole_operator = false;
    }
  }
  facts->SetSeen(Aspect::kDns, answered, answers.size(), "host");
}

}  // namespace lockstep::controller::lint
