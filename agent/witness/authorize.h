// PURE: what a witness may be asked to look at.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/reconcile/desired.h"
#include "common/base/names.h"
#include "common/look/observer.h"
#include "common/status/status.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::witness {

inline constexpr int kMaxTargets = 256;
inline constexpr Micros kLongestDeadline = Seconds(60);

// What this node knows to be the fleet's, from its own snapshot and its own live lane.
struct Knowledge {
  // Null before there is a snapshot: every request is refused then.
  const reconcile::Desired* desired = nullptr;
  // (host, token) of the live lane.
  std::set<std::pair<std::string, std::string>> live;
};

// The looks to make, in the order of the targets. PERMISSION_DENIED with what is not the fleet's
// (the subject itself, an address that is not one of the subject's, a host of no site and
// no certificate of the snapshot that is not in the live lane either), INVALID_ARGUMENT for what
// cannot be read: one bad target refuses the whole request. The mark of a site may be asked for on
// any host: a new site is on its first nodes before a witness elsewhere knows of it, and under the
// path of the marks there is nothing else to be had.
Result<std::vector<look::Look>> Authorize(const agent::v1::WitnessRequest& request,
                                          const NodeName& self, const Knowledge& knowledge);

}  // namespace lockstep::agent::witness
