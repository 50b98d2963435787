// Until when a blocking call may run: a deadline and a stop token in one.
#pragma once

#include <poll.h>

#include <optional>
#include <span>
#include <stop_token>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/status/status.h"

namespace lockstep::net {

// Made at the start of a blocking call and lent to everything it waits for. Belongs to one thread;
// the stop may be requested from any. Wakes a wait at once, without polling.
class Limit {
 public:
  // Ends `budget` from now. A budget of zero or less is over at once.
  Limit(Micros budget, std::stop_token stop, const Clock& clock = Clock::System());
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

  MonoTime deadline() const { return deadline_; }
  const std::stop_token& stop() const { return stop_; }
  MonoTime Now() const { return clock_.Mono(); }
  // What is left, never negative.
  Micros Left() const;

  // Ok while there is time and no stop; else DeadlineExceeded or Cancelled.
  Status Check() const;

  // Ok once `fd` is ready for one of `events` (poll's POLLIN, POLLOUT; errors count as ready: the
  // next call on the descriptor tells), DeadlineExceeded or Cancelled otherwise.
  Status WaitFor(int fd, short events) const;

  // The same for several, which get their `revents`, and no longer than `until`: true when one is
  // ready, false when `until` has passed first.
  Result<bool> WaitUntil(std::span<pollfd> waits, MonoTime until) const;

 private:
  const Clock& clock_;
  const MonoTime deadline_;
  const std::stop_token stop_;
  Fd wake_;  // an eventfd, readable from the stop on; none when no stop is possible

  struct Wake {
    int fd;
    void operator()() const noexcept;
  };
  std::optional<std::stop_callback<Wake>> on_stop_;  // last: gone before `wake_` closes
};

}  // namespace lockstep::net
