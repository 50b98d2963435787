// Watchdog: tells the service manager that the loop turns (sd_watchdog_enabled(3)). A server that
// hangs keeps its sockets, and clients wait in silence; the manager ends it, and the kernel refuses
// them.
#pragma once

#include <memory>

#include "agent/quicd/loop/loop.h"
#include "common/base/clock.h"
#include "common/base/fd.h"

namespace lockstep::agent::quicd::app {

// Belongs to the loop's thread.
class Watchdog {
 public:
  // As $WATCHDOG_USEC and $NOTIFY_SOCKET say; null where nobody watches this process.
  static Result<std::unique_ptr<Watchdog>> FromEnvironment(loop::Loop& loop);
  ~Watchdog() { loop_.Cancel(timer_); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  Watchdog(loop::Loop& loop, Fd socket, Micros every)
      : loop_(loop), socket_(std::move(socket)), every_(every) {}
  void Tell();

  loop::Loop& loop_;
  const Fd socket_;  // connected to the manager's
  const Micros every_;
  loop::Loop::TimerId timer_ = 0;
};

}  // namespace lockstep::agent::quicd::app
