// lockstep-quicd: QUIC and HTTP/3 in front of the local Caddy.
#include "agent/quicd/app/program.h"

int main(int argc, char** argv) { return lockstep::agent::quicd::app::RunProgram(argc, argv); }
