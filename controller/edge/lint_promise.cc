// Lint of what is promised in Alt-Svc and of what nodes answer.
#include <algorithm>
#include <set>

#include "controller/edge/lint.h"

namespace lockstep::controller::edge {
namespace {

using Lines = std::vector<std::string>;
using Response = LintInput::Response;

constexpr Seconds kSharedOperators{600};

std::string At(const Response& response) { return response.node.str() + " " + response.protocol; }

bool IsNodeName(const LintInput& input, const std::string& host) {
  return std::find(input.node_names.begin(), input.node_names.end(), host) !=
         input.node_names.end();
}

// "*.example.test" stands for one label (RFC 6125 §6.4.3).
bool Covers(const std::string& pattern, const std::string& host) {
  if (!pattern.starts_with("*.")) return pattern == host;
  const size_t dot = host.find('.');
  return dot != std::string::npos && host.substr(dot) == pattern.substr(1);
}

// A line for every wanted entry that `wrong` says something about.
template <typename Wrong>
Lines OfEntries(const LintInput& input, const Wrong& wrong) {
  Lines out;
  for (const AltSvcEntry& entry : input.wanted.entries) {
    if (const std::string line = wrong(entry); !line.empty()) {
      out.push_back(ToString(entry.alternative) + " " + line);
    }
  }
  return out;
}

Lines NotAnswering(const LintInput& input) {
  Lines out;
  for (const auto& seen : input.handshakes) {
    if (seen.problem.empty()) continue;
    out.push_back(seen.node.str() + ": " + ToString(seen.alternative) + " for " +
                  seen.host.ascii() + ": " + Quoted(seen.problem));
  }
  return out;
}

Lines CertificateMissesHost(const LintInput& input) {
  Lines out;
  for (const auto& seen : input.handshakes) {
    const auto& names = seen.certificate_names;
    if (!seen.problem.empty() || std::any_of(names.begin(), names.end(), [&](const auto& name) {
          return Covers(name, seen.host.ascii());
        })) {
      continue;
    }
    out.push_back(seen.node.str() + ": the certificate at " + ToString(seen.alternative) +
                  " is not for " + seen.host.ascii());
  }
  return out;
}

Lines CertificateEndsFirst(const LintInput& input) {
  Lines out;
  for (const auto& seen : input.handshakes) {
    for (const AltSvcEntry& entry : input.wanted.entries) {
      if (!seen.problem.empty() || entry.alternative != seen.alternative) continue;
      if (seen.not_after >= input.now + entry.max_age) continue;
      out.push_back(seen.node.str() + ": the certificate for " + seen.host.ascii() + " ends " +
                    FormatTime(seen.not_after) + ", the promise later");
    }
  }
  return out;
}

Lines OutlivesAlternative(const LintInput& input) {
  return OfEntries(input, [&](const AltSvcEntry& entry) -> std::string {
    const auto end = input.planned_ends.find(entry.alternative);
    if (end == input.planned_ends.end() || input.now + entry.max_age <= end->second) return "";
    return "is to go at " + FormatTime(end->second) + " and promised for longer";
  });
}

Lines NodeNamePromised(const LintInput& input) {
  return OfEntries(input, [&](const AltSvcEntry& entry) -> std::string {
    if (!IsNodeName(input, entry.alternative.host)) return "";
    if (entry.persist) return "is one node's name and persists";
    return entry.max_age > input.floor ? "is one node's name and promised for more than the floor"
                                       : "";
  });
}

Lines UntruePersist(const LintInput& input) {
  return OfEntries(input, [&](const AltSvcEntry& entry) {
    return entry.persist ? WhyNotPersistent(entry.alternative, input.origin) : std::string();
  });
}

Lines SeveralSources(const LintInput& input) {
  Lines out;
  for (const Response& seen : input.responses) {
    if (seen.alt_svc.size() + (seen.alt_svc_frame ? 1 : 0) > 1) {
      out.push_back(At(seen) + ": more than one source of Alt-Svc");
    }
  }
  return out;
}

bool IsTrueNow(const LintInput& input, const std::string& value) {
  const auto read = ParseAltSvc(value);
  return read.ok() && (*read == input.wanted || (input.before && *read == *input.before));
}

bool MaySayNothing(const LintInput& input) {
  return input.wanted == AltSvc() || (input.before && *input.before == AltSvc());
}

Lines Differs(const LintInput& input) {
  Lines out;
  for (const Response& seen : input.responses) {
    if (seen.status == 421) continue;
    for (const std::string& value : seen.alt_svc) {
      if (!IsTrueNow(input, value)) out.push_back(At(seen) + ": sends " + Quoted(value));
    }
  }
  return out;
}

Lines Missing(const LintInput& input) {
  Lines out;
  for (const Response& seen : input.responses) {
    if (seen.status == 421 || !seen.alt_svc.empty() || MaySayNothing(input)) continue;
    out.push_back(At(seen) + ": sends no Alt-Svc with status " + std::to_string(seen.status));
  }
  return out;
}

Lines ClearWithEntries(const LintInput& input) {
  Lines out;
  for (const Response& seen : input.responses) {
    for (const std::string& value : seen.alt_svc) {
      const auto read = ParseAltSvc(value);
      if (read.ok() && read->clear && !read->entries.empty()) {
        out.push_back(At(seen) + ": sends " + Quoted(value));
      }
    }
  }
  return out;
}

Lines ClearFromSome(const LintInput& input) {
  Lines out;
  if (input.wanted.clear || (input.before && input.before->clear)) return out;
  for (const Response& seen : input.responses) {
    for (const std::string& value : seen.alt_svc) {
      const auto read = ParseAltSvc(value);
      if (read.ok() && read->clear) out.push_back(At(seen) + ": sends clear on its own");
    }
  }
  return out;
}

Lines Http3Order(const LintInput& input) {
  Lines out;
  const auto& entries = input.wanted.entries;
  const auto is_h3 = [](const AltSvcEntry& entry) { return entry.alternative.protocol == "h3"; };
  const auto count = std::count_if(entries.begin(), entries.end(), is_h3);
  if (count > 1) out.emplace_back("more than one h3 entry");
  if (count > 0 && !is_h3(entries.front())) out.emplace_back("h3 is not the first entry");
  return out;
}

Lines Legacy(const LintInput& input) {
  return OfEntries(input, [](const AltSvcEntry& entry) -> std::string {
    const std::string& id = entry.alternative.protocol;
    return id.starts_with("h3-") || id.starts_with("Q0") || id == "quic" ? "is a draft's" : "";
  });
}

Lines BelowFloor(const LintInput& input) {
  return OfEntries(input, [&](const AltSvcEntry& entry) -> std::string {
    return entry.max_age < input.floor ? "has ma=" + std::to_string(entry.max_age.count()) : "";
  });
}

Lines AboveCeiling(const LintInput& input) {
  return OfEntries(input, [&](const AltSvcEntry& entry) -> std::string {
    return entry.max_age > input.ceiling ? "has ma=" + std::to_string(entry.max_age.count()) : "";
  });
}

Lines SeveralOperators(const LintInput& input) {
  return OfEntries(input, [&](const AltSvcEntry& entry) -> std::string {
    if (input.origin.sole_operator || entry.max_age <= kSharedOperators) return "";
    return "is promised for more than 600 s, and others answer for the name, too";
  });
}

Lines InMisdirected(const LintInput& input) {
  Lines out;
  for (const Response& seen : input.responses) {
    if (seen.status == 421 && !seen.alt_svc.empty()) out.push_back(At(seen));
  }
  return out;
}

Lines Stored(const LintInput& input) {
  Lines out;
  for (const Response& seen : input.responses) {
    const bool stale = std::any_of(seen.alt_svc.begin(), seen.alt_svc.end(),
                                   [&](const auto& v) { return !IsTrueNow(input, v); });
    if (seen.age > Seconds(0) && stale) {
      out.push_back(At(seen) + ": stored " + FormatDuration(seen.age) + " ago");
    }
  }
  return out;
}

constexpr auto kError = LintSeverity::kError;
constexpr auto kWarning = LintSeverity::kWarning;

constexpr LintRule kRules[] = {
    {"alternative-not-answering", kError,
     "browsers that try it lose time and avoid HTTP/3 for 5 minutes to 2 days", NotAnswering},
    {"certificate-misses-host", kError,
     "clients refuse the alternative, since it does not prove to be the origin",
     CertificateMissesHost},
    {"certificate-ends-before-promise", kWarning,
     "clients come to the alternative when its certificate has ended", CertificateEndsFirst},
    {"promise-outlives-alternative", kError,
     "clients go on trying an alternative that has been taken away", OutlivesAlternative},
    {"node-name-promised", kWarning, "clients stay tied to one node, also while it is drained",
     NodeNamePromised},
    {"persist-untrue", kError,
     "clients that change their network keep an alternative that is wrong there", UntruePersist},
    {"several-sources", kError,
     "each client takes another one of the values, and some hold what nobody promised",
     SeveralSources},
    {"header-differs", kError, "clients hold a promise that the fleet does not keep", Differs},
    {"header-missing", kWarning, "clients on this protocol never hear of HTTP/3, or of its end",
     Missing},
    {"clear-with-entries", kError, "clients forget every alternative, the ones beside it included",
     ClearWithEntries},
    {"clear-from-some", kError, "clients of these nodes forget HTTP/3 for the whole fleet",
     ClearFromSome},
    {"h3-not-first-and-once", kWarning,
     "browsers that look at the first entry alone take the worse one, or none", Http3Order},
    {"legacy-protocol", kWarning, "old clients speak a draft of HTTP/3 that nobody maintains",
     Legacy},
    {"max-age-below-floor", kWarning,
     "clients forget the promise sooner than they forgive a failure: hardly any HTTP/3 is left",
     BelowFloor},
    {"max-age-above-ceiling", kWarning,
     "clients hold the promise for longer than the fleet can stand by it", AboveCeiling},
    {"several-operators", kWarning,
     "clients that the DNS has moved to the other operator keep coming here, or fail there",
     SeveralOperators},
    {"alt-svc-in-421", kWarning, "nothing: clients must ignore it, which wastes bytes",
     InMisdirected},
    {"stored-header", kError, "clients are told by a cache what was true when it was stored",
     Stored},
};

}  // namespace

std::span<const LintRule> PromiseRules() { return kRules; }

}  // namespace lockstep::controller::edge
