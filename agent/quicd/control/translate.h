// Between the agent's messages and the server's plain values.
#pragma once

#include <string>
#include <vector>

#include "agent/quicd/server/counters.h"
#include "agent/quicd/server/server.h"
#include "agent/quicd/server/settings.h"
#include "lockstep/quicd/v1/quicd.pb.h"

namespace lockstep::agent::quicd::control {

// Takes the secrets out of `config`. What cannot be read is in `errors`; whether the whole makes
// sense is the server's to say.
server::Settings ToSettings(lockstep::quicd::v1::Config& config, std::vector<std::string>* errors);

void FillCounters(const server::Counters& counters, lockstep::quicd::v1::Counters* out);

}  // namespace lockstep::agent::quicd::control
