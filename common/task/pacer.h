// Pacer: lets work whose cost nobody bounds have a share of a strand and no more.
#pragma once

#include <utility>

#include "common/base/clock.h"

namespace lockstep::task {

// Work that is asked for again and again, each time more urgently than it can be done: after a run
// the next one waits for as long as that one took, so that others get half of the strand.
class Pacer {
 public:
  explicit Pacer(const Clock& clock) : clock_(clock) {}

  // How long the next run must wait; 0 if it may begin.
  Micros Wait() const {
    const MonoTime now = clock_.Mono();
    return now < next_ ? next_ - now : Micros(0);
  }

  template <typename Work>
  auto Run(Work&& work) {
    const MonoTime began = clock_.Mono();
    auto result = std::forward<Work>(work)();
    const MonoTime ended = clock_.Mono();
    next_ = ended + (ended - began);
    return result;
  }

 private:
  const Clock& clock_;
  MonoTime next_{};
};

}  // namespace lockstep::task
