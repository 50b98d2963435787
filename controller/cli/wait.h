// Waiting for what a command has started.
#pragma once

#include <cstdint>

#include "controller/cli/cli.h"

namespace lockstep::controller::cli {

// Until every node has proved the generation: kOk; kFailed if it was rolled back, kDeclined when
// the time has run out. Says on `err` how far it is.
ExitCode WaitForGeneration(Session& session, uint64_t number, Micros limit);

// Until the order has ended, with each of its steps on `err` as it happens; then its result.
ExitCode WaitForOrder(Session& session, const std::string& id);

}  // namespace lockstep::controller::cli
