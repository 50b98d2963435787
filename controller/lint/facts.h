// Facts: what lint may know of one site. The rules are those of controller/edge; what was not
// looked at breaks none of them, so it is said beside the findings.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/ip.h"
#include "common/base/names.h"
#include "controller/edge/lint.h"
#include "controller/model/edge_policy.h"
#include "controller/model/node.h"
#include "controller/model/site.h"

namespace lockstep::controller::lint {

// A kind of thing that rules are about.
enum class Aspect {
  kPromise,     // the value, the policy, and what is planned
  kDns,         // HTTPS and address records
  kAnswers,     // the fields that nodes send
  kHandshakes,  // with the alternative that is promised
  kMigration,   // transport parameters
};
// "HTTPS and address records".
const char* AspectName(Aspect aspect);

struct SiteFacts {
  std::string site;
  edge::LintInput input;
  std::map<Aspect, std::string> looked_at;  // how much of it: "2 of 2 nodes"
  std::set<Aspect> whole;                   // nothing of these is missing
  std::vector<std::string> not_looked_at;   // what is missing, and why
  // Whose an address is, for names that turn out to be of one node.
  std::map<IpAddress, NodeName> owners;

  void SetSeen(Aspect aspect, size_t seen, size_t all, const std::string& noun);
};

// What is promised, and how, by the policy and the values that are to be sent.
struct Promised {
  edge::AltSvc wanted;
  std::optional<edge::AltSvc> before;  // what nodes go on sending until a rollout has ended
};

// The facts before anybody has looked. `nodes`: all that are enrolled. Pure.
SiteFacts FactsOf(const model::Site& site, const Promised& promised,
                  const model::EdgePolicy& policy, const std::vector<model::Node>& nodes,
                  const std::vector<IpAddress>& service_addresses, WallTime now);

}  // namespace lockstep::controller::lint
