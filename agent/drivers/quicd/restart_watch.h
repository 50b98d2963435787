// RestartWatch: tells when a server that listens on a unix socket has gone and come back.
#pragma once

#include <functional>
#include <thread>

#include "agent/drivers/quicd/control_client.h"

namespace lockstep::agent::drivers::quicd {

// Keeps a connection open: its end is the server's. `on_back` is called on a thread of the watch's
// once somebody listens again.
class RestartWatch {
 public:
  RestartWatch(ControlOptions options, std::function<void()> on_back);

 private:
  void Run(const std::stop_token& stop) const;

  const ControlOptions options_;
  const std::function<void()> on_back_;
  std::jthread thread_;
};

}  // namespace lockstep::agent::drivers::quicd
