// How the benchmark's driver talks to a server under test: a line in, a line of JSON out.
//
//   streams              {"streams":N}
//   push BYTES [EXPECT]  a generation with a certificate of BYTES; answers once EXPECT agents (all,
//   if
//                        left out) have acknowledged it, or after 30 s
//   lane BYTES [EXPECT]  a lane set of about BYTES, likewise
//   trim                 gives free memory back to the system; {}
//   quit                 ends the server
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace lockstep::bench {

class BenchServer {
 public:
  virtual ~BenchServer() = default;
  virtual uint64_t Streams() = 0;
  // One round; the JSON of RoundMeter.
  virtual std::string Push(size_t bytes, uint64_t expect) = 0;
  virtual std::string Lane(size_t bytes, uint64_t expect) = 0;
};

// Reads commands from standard input until `quit` or its end.
void ServeCommands(BenchServer& server);

}  // namespace lockstep::bench
