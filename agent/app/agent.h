// Agent: all rooms, wired, on their threads.
//
//   strand    owns the state: the queue's, the lane's, the witness's, the stream's
//   apply     one thread: disk, drivers, waiting for proofs
//   lane      one thread: the challenge directory
//   probes    looks for proofs; looks: for the lane; witness: for other nodes; sweep: all the rest
//   misses    the miss responder's questions
//   gRPC's    only post
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "agent/app/config.h"
#include "agent/apply/driver.h"
#include "common/look/observer.h"
#include "common/status/status.h"

namespace lockstep::agent::app {

// What is outside: the local servers and the wire.
struct Surroundings {
  std::vector<std::unique_ptr<apply::Driver>> parts;  // that `driver` stands for; may be none
  std::unique_ptr<apply::Driver> driver;
  std::unique_ptr<apply::Announcer> announcer;  // null where none is configured
  std::unique_ptr<look::Observer> observer;
  std::stop_source stopping =
      {};  // tells driver and announcer to wait no longer for silent servers
};
// As `config` says: Caddy and lockstep-quicd, what announces, and the network. Makes the node's own
// keys in the state directory if they are not there.
Result<Surroundings> RealSurroundings(const Config& config);

class Agent {
 public:
  // Takes the state directory's lock, reads identity and generations. FAILED_PRECONDITION or
  // NOT_FOUND with what to do.
  static Result<std::unique_ptr<Agent>> Create(Config config, Surroundings surroundings);
  ~Agent();  // Stop()

  // Serves from disk at once; the controller is looked for beside it.
  Status Start();
  // Ends all work; what is served stays.
  void Stop();

 private:
  struct Parts;
  explicit Agent(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace lockstep::agent::app
