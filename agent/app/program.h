// The command line of lockstep-agent.
#pragma once

namespace lockstep::agent::app {

// Exit codes: 0 ok, 1 failed, 2 usage or configuration.
int RunProgram(int argc, char** argv);

}  // namespace lockstep::agent::app
