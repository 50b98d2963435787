// lockstep-agent: on each node, makes the local servers match what the controller wants.
#include "agent/app/program.h"

int main(int argc, char** argv) { return lockstep::agent::app::RunProgram(argc, argv); }
