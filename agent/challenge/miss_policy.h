// PURE: which request for a challenge that is not on disk may be asked about, and of whom.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/challenge/live_set.h"
#include "agent/reconcile/desired.h"
#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/base/names.h"

namespace lockstep::agent::challenge {

// Where another node may be asked.
struct PeerAddress {
  NodeName node;
  IpAddress address;
};

// What this node knows; from its snapshot and its live lane, never from a request.
struct MissRules {
  bool pull = false;
  std::string thumbprint;          // of the ACME account; empty: nothing can be relayed
  std::set<std::string> hosts;     // served here or in the live lane
  std::vector<PeerAddress> peers;  // one address each
};
MissRules MakeMissRules(const reconcile::Desired* desired, const LiveSet* live);

// A request as it came from the web server.
struct MissRequest {
  std::string method;
  std::string target;      // path and query
  std::string host;        // the Host header, with or without a port
  bool from_peer = false;  // it carries the hop header: a peer asks, and disk was looked at already
};

enum class MissVerdict {
  kAsk,               // the controller, then peers
  kNotFound,          // 404: the web server may ask the site's own origin
  kOnlyFromDisk,      // 410: it may not, a peer wants to know what is here
  kMethodNotAllowed,  // 405
};

struct MissRuling {
  MissVerdict verdict = MissVerdict::kNotFound;
  // For kAsk.
  Hostname host;
  std::optional<ChallengeToken> token;
};
MissRuling RuleOn(const MissRequest& request, const MissRules& rules);

// The one text that may be relayed.
std::string ExpectedAnswer(const ChallengeToken& token, const MissRules& rules);

// Says how often; starts full.
class RateLimit {
 public:
  RateLimit(double per_second, double burst) : per_second_(per_second), burst_(burst) {}
  bool Spend(MonoTime now);

 private:
  double per_second_;
  double burst_;
  std::optional<MonoTime> filled_at_;
  double left_ = 0;
};

}  // namespace lockstep::agent::challenge
