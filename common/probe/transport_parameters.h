// From ngtcp2's transport parameters to ours.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include "common/probe/observation.h"

namespace lockstep::probe {

TransportParameters Describe(const ngtcp2_transport_params& sent);

}  // namespace lockstep::probe
