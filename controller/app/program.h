// The command line of lockstep-controller.
#pragma once

namespace lockstep::controller::app {

// Returns the exit code: 0, 1 for a failure, 2 for wrong usage or a config with errors.
int RunProgram(int argc, char** argv);

}  // namespace lockstep::controller::app
