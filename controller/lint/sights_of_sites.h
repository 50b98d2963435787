// What nodes and witnesses saw of a site, as lint judges it.
#pragma once

#include "controller/fleet/fleet.h"
#include "controller/lint/facts.h"
#include "controller/publish/publisher.h"

namespace lockstep::controller::lint {

// Looks of the present agents at what their nodes serve now. While a rollout is under way nodes may
// follow one policy or the other, and what they say of migration is left out. No I/O.
void AddSights(const fleet::Fleet& fleet, const publish::Publisher& publisher,
               const model::EdgePolicy& policy, SiteFacts* facts);

}  // namespace lockstep::controller::lint
