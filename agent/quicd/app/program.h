// The command line of lockstep-quicd.
#pragma once

namespace lockstep::agent::quicd::app {

// Exit codes: 0 ok, 1 failed, 2 usage.
int RunProgram(int argc, char** argv);

}  // namespace lockstep::agent::quicd::app
