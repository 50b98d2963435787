// Exponential backoff with full jitter: a fleet that lost its controller comes back spread out.
#pragma once

#include <random>

#include "common/base/clock.h"

namespace lockstep::task {

// The delay before try n is uniform in [0, min(ceiling, base * 2^n)].
class Backoff {
 public:
  Backoff(Micros base, Micros ceiling, uint64_t seed);
  Micros Next();
  // After a success.
  void Reset() { attempt_ = 0; }
  int attempt() const { return attempt_; }

 private:
  Micros base_;
  Micros ceiling_;
  int attempt_ = 0;
  std::mt19937_64 random_;
};

}  // namespace lockstep::task
