// From an observation on the wire to a proof: is the answer's form right, and what did it show.
#pragma once

#include <string>

#include "common/status/status.h"
#include "controller/model/proof.h"
#include "lockstep/types/v1/observation.pb.h"

namespace lockstep::controller::barrier {

// Reads a foreign observation. INVALID_ARGUMENT naming the field that does not parse. `node` is the
// subject; the rest of the subject comes from the observation. Leaves order and boot_id unset.
Result<model::Proof> ReadObservation(const types::v1::Observation& observation,
                                     const NodeName& node, const std::string& observer,
                                     bool witnessed);

}  // namespace lockstep::controller::barrier
