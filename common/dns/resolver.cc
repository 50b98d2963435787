#include "common/dns/resolver.h"

#include <algorithm>

#include "common/dns/exchange.h"
#include "common/dns/follow.h"
#include "common/dns/resolv_conf.h"

namespace lockstep::dns {
namespace {

constexpr int kRounds = 2;  // UDP loses datagrams

bool IsDefinite(const Message& answer) { return answer.rcode == "NOERROR" || answer.no_such_name; }

}  // namespace

std::vector<Endpoint> Resolver::Servers() const {
  return config_.servers.empty() ? ReadResolvConf(config_.resolv_conf) : config_.servers;
}

Result<Message> Resolver::Ask(const std::vector<Endpoint>& servers, const Query& query,
                              const net::Limit& limit) const {
  std::vector<Status> failures(servers.size());
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < servers.size(); ++i) {
      LS_RETURN_IF_ERROR(limit.Check().Prefixed("look up " + query.name));
      const net::Limit one(std::min(config_.timeout, limit.Left()), limit.stop());
      Result<Message> answer = Exchange(servers[i], query, one);
      if (answer.ok() && IsDefinite(*answer)) return answer;
      failures[i] =
          answer.ok()
              ? Unavailable("name server " + servers[i].ToString() + " answered " + answer->rcode)
              : answer.status();
    }
  }
  std::string text;
  for (const Status& failure : failures) text += (text.empty() ? "" : "; ") + failure.message();
  return Status(failures.back().code(), text).Prefixed("look up " + query.name);
}

Result<Addresses> Resolver::LookupAddresses(const Hostname& name, std::stop_token stop) const {
  const net::Limit limit(config_.deadline, std::move(stop));
  const std::vector<Endpoint> servers = Servers();
  const auto ask = [&](const std::string& asked, RecordType type) {
    return Ask(servers, {asked, type}, limit);
  };
  LS_ASSIGN_OR_RETURN(Addresses found, FollowAddresses(ask, name.ascii(), kMaxQuestions));
  if (found.addresses.empty()) {
    return NotFound(name.ascii() + ": " + found.chain.back() +
                    ", where its CNAME leads, has neither A nor AAAA records");
  }
  return found;
}

Result<CaaSet> Resolver::LookupCaa(const Hostname& name, std::stop_token stop) const {
  const net::Limit limit(config_.deadline, std::move(stop));
  const std::vector<Endpoint> servers = Servers();
  const auto ask = [&](const std::string& asked, RecordType type) {
    return Ask(servers, {asked, type}, limit);
  };
  CaaSet out;
  for (std::string at = name.ascii(); !at.empty(); at = Parent(at)) {
    LS_ASSIGN_OR_RETURN(const Followed found, Follow(ask, at, RecordType::kCaa, kMaxQuestions));
    if (found.records.empty()) continue;
    out.owner = at;
    for (const Record& record : found.records) {
      Result<CaaRecord> parsed = ParseCaa(record.rdata);
      if (!parsed.ok()) return parsed.status().Prefixed(record.owner);
      out.records.push_back(*std::move(parsed));
    }
    break;
  }
  return out;
}

Result<std::vector<ServiceBinding>> Resolver::LookupHttps(const Hostname& name,
                                                          std::stop_token stop) const {
  const net::Limit limit(config_.deadline, std::move(stop));
  const std::vector<Endpoint> servers = Servers();
  const auto ask = [&](const std::string& asked, RecordType type) {
    return Ask(servers, {asked, type}, limit);
  };
  LS_ASSIGN_OR_RETURN(const Followed found,
                      Follow(ask, name.ascii(), RecordType::kHttps, kMaxQuestions));
  std::vector<ServiceBinding> out;
  for (const Record& record : found.records) {
    Result<ServiceBinding> parsed = ParseServiceBinding(record.rdata);
    if (!parsed.ok()) return parsed.status().Prefixed(record.owner);
    parsed->ttl = record.ttl;
    out.push_back(*std::move(parsed));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.priority < b.priority; });
  return out;
}

}  // namespace lockstep::dns
