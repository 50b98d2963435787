// Waiting for what a command has started.
#pragma once

#include <cstdint>

#include "controller/cli/cli.h"

namespace lockstep::controller::cli {

// How long --wait waits where nobody says: an order has certbot's two minutes and the rollout's
// ten.
inline constexpr uint32_t kOrderTimeoutSeconds = 900;
inline constexpr uint32_t kGenerationTimeoutSeconds = 600;

// Until every node has proved the generation: kOk; kFailed if it was rolled back, kDeclined when
// the time has run out. Says on `err` how far it is, and in the end which nodes are missing.
ExitCode WaitForGeneration(Session& session, uint64_t number, Micros limit);

// Until the order has ended, with each of its steps on `err` as it happens; then its result.
// kDeclined when the time has run out, with the nodes that are missing and what was last seen of
// them; the order goes on.
ExitCode WaitForOrder(Session& session, const std::string& id, Micros limit);

}  // namespace lockstep::controller::cli
