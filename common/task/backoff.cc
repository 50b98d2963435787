#include "common/task/backoff.h"

#include <algorithm>

namespace lockstep::task {

Backoff::Backoff(Micros base, Micros ceiling, uint64_t seed)
    : base_(base), ceiling_(ceiling), random_(seed) {}

Micros Backoff::Next() {
  const int shift = std::min(attempt_, 30);
  ++attempt_;
  // ceiling / 2^shift against base keeps the product from overflowing.
  const Micros bound =
      ceiling_.count() >> shift < base_.count() ? ceiling_ : base_ * (int64_t{1} << shift);
  return Micros(std::uniform_int_distribution<int64_t>(0, bound.count())(random_));
}

}  // namespace lockstep::task
