// Whether a QUIC handshake told the client what it was to be told.
#pragma once

#include <string>

#include "controller/model/quic_terms.h"

namespace lockstep::controller::barrier {

// `observation`: a serialised types.v1.Observation with an answer. What is not as wanted, naming
// both values; empty if nothing. An agent that does not report whether the connection moved is
// judged on the parameters alone.
std::string JudgeParameters(const std::string& observation, const model::QuicParameters& wanted);

}  // namespace lockstep::controller::barrier
