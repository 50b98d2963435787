// Executor: "run this later, one at a time, in order". The seam between domain code and threads.
#pragma once

#include <cstdint>
#include <functional>

#include "common/base/clock.h"

namespace lockstep::task {

using Work = std::function<void()>;

// A handle of a timer; 0 is none.
using TimerId = uint64_t;

// Runs work one at a time in the order posted. Objects that live on one executor need no locks.
// Implementations: Strand (one thread), tests/fakes ManualExecutor (a virtual clock).
class Executor {
 public:
  virtual ~Executor() = default;
  // From any thread. After Stop the work is dropped.
  virtual void Post(Work work) = 0;
  // Runs `work` once, not before `delay` has passed on the clock's Mono().
  virtual TimerId PostAfter(Micros delay, Work work) = 0;
  // No effect if the timer ran already or is 0. After Cancel on the executor itself the work never
  // runs.
  virtual void Cancel(TimerId timer) = 0;
  virtual const Clock& clock() const = 0;
};

}  // namespace lockstep::task
