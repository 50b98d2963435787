// lockstep-controller: owns desired state, the fleet, the ACME flow and rollouts.
#include "controller/app/program.h"

int main(int argc, char** argv) { return lockstep::controller::app::RunProgram(argc, argv); }
