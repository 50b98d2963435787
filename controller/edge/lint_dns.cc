// Lint of HTTPS records against what is promised.
#include <algorithm>
#include <set>

#include "controller/edge/lint.h"

namespace lockstep::controller::edge {
namespace {

using Lines = std::vector<std::string>;
using Record = LintInput::HttpsRecord;

template <typename Wrong>
Lines OfRecords(const LintInput& input, const Wrong& wrong) {
  Lines out;
  for (const Record& record : input.https) {
    if (const std::string line = wrong(record); !line.empty()) {
      out.push_back(record.host.ascii() + ": " + line);
    }
  }
  return out;
}

bool Promises(const LintInput& input, const Record& record, const std::string& id) {
  const std::string host = record.target == "." ? "" : record.target;
  return std::any_of(input.wanted.entries.begin(), input.wanted.entries.end(),
                     [&](const AltSvcEntry& entry) {
                       return entry.alternative == Alternative{id, host, record.port};
                     });
}

bool Names(const Record& record, const std::string& id) {
  return std::find(record.alpn.begin(), record.alpn.end(), id) != record.alpn.end();
}

// Over TCP every origin answers; what goes over UDP has to be promised.
Lines NamesMore(const LintInput& input) {
  return OfRecords(input, [&](const Record& record) -> std::string {
    return Names(record, "h3") && !Promises(input, record, "h3")
               ? "h3 at " + Quoted(record.target) + " port " + std::to_string(record.port) +
                     " is not what Alt-Svc promises"
               : "";
  });
}

Lines NamesLess(const LintInput& input) {
  Lines out;
  for (const Hostname& host : input.hosts) {
    std::set<std::string> named;
    bool has_record = false;
    for (const Record& record : input.https) {
      if (record.host != host) continue;
      has_record = true;
      named.insert(record.alpn.begin(), record.alpn.end());
    }
    for (const AltSvcEntry& entry : input.wanted.entries) {
      const std::string& id = entry.alternative.protocol;
      if (has_record && !named.contains(id)) {
        out.push_back(host.ascii() + ": " + Quoted(id) + " is promised and in no HTTPS record");
      }
    }
  }
  return out;
}

// An address that is one node's own, and none that all of them share.
bool IsOneNodes(const LintInput& input, const IpAddress& address) {
  return !Contains(input.service_addresses, address) &&
         std::any_of(input.transports.begin(), input.transports.end(),
                     [&](const auto& seen) { return Contains(seen.own_addresses, address); });
}

Lines NodeInDns(const LintInput& input) {
  return OfRecords(input, [&](const Record& record) -> std::string {
    const auto& names = input.node_names;
    if (std::find(names.begin(), names.end(), record.target) != names.end()) {
      return "target " + Quoted(record.target) + " is one node";
    }
    const auto hint = std::find_if(record.hints.begin(), record.hints.end(),
                                   [&](const IpAddress& one) { return IsOneNodes(input, one); });
    return hint == record.hints.end() ? "" : "hint " + hint->ToString() + " is one node";
  });
}

Lines OwnHints(const LintInput& input) {
  return OfRecords(input, [](const Record& record) -> std::string {
    return record.target == "." && !record.hints.empty() ? "hints for the name itself" : "";
  });
}

Lines HalfHints(const LintInput& input) {
  const auto count = [](const std::vector<IpAddress>& addresses, bool v6) {
    return std::count_if(addresses.begin(), addresses.end(),
                         [v6](const auto& address) { return address.is_v6() == v6; });
  };
  return OfRecords(input, [&](const Record& record) -> std::string {
    if (record.hints.empty()) return "";
    for (const bool v6 : {false, true}) {
      if (count(input.service_addresses, v6) > 0 && count(record.hints, v6) == 0) {
        return v6 ? "hints without IPv6" : "hints without IPv4";
      }
    }
    return "";
  });
}

Lines LongTtl(const LintInput& input) {
  return OfRecords(input, [&](const Record& record) -> std::string {
    for (const AltSvcEntry& entry : input.wanted.entries) {
      const std::string& id = entry.alternative.protocol;
      if (Names(record, id) && Promises(input, record, id) && record.ttl > entry.max_age) {
        return "its TTL of " + std::to_string(record.ttl.count()) +
               " s is above ma=" + std::to_string(entry.max_age.count());
      }
    }
    return "";
  });
}

constexpr auto kError = LintSeverity::kError;
constexpr auto kWarning = LintSeverity::kWarning;

constexpr LintRule kRules[] = {
    {"https-record-names-more", kError,
     "clients that read the DNS try HTTP/3 where nobody proved it", NamesMore},
    {"https-record-names-less", kWarning,
     "clients must agree with both and use the alternative never (RFC 9460 §9.3)", NamesLess},
    {"https-record-names-node", kError, "every client of the name is sent to one node", NodeInDns},
    {"https-hints-for-itself", kWarning,
     "clients hold two sets of addresses of one name, one of them stale", OwnHints},
    {"https-hints-of-one-family", kWarning,
     "clients with the other family wait for one more lookup, or stay away", HalfHints},
    {"https-ttl-above-max-age", kWarning,
     "clients learn of HTTP/3 from resolvers after the promise has ended", LongTtl},
};

}  // namespace

std::span<const LintRule> DnsRules() { return kRules; }

}  // namespace lockstep::controller::edge
