// A clock that stands still until told otherwise.
#pragma once

#include <atomic>

#include "common/base/clock.h"

namespace lockstep::fakes {

// Thread-safe. Starts at 2026-11-21T20:00:00Z, monotonic time at 1000 s.
class FakeClock : public Clock {
 public:
  FakeClock() = default;
  explicit FakeClock(WallTime now) : wall_(ToUnixMicros(now)) {}

  WallTime Now() const override { return FromUnixMicros(wall_.load()); }
  MonoTime Mono() const override { return MonoTime(Micros(mono_.load())); }

  // Both clocks.
  void Advance(Micros by) {
    wall_ += by.count();
    mono_ += by.count();
  }
  // Wall time alone, in either direction: somebody set the machine's clock.
  void JumpWall(Micros by) { wall_ += by.count(); }

 private:
  std::atomic<int64_t> wall_{1'795'291'200'000'000};
  std::atomic<int64_t> mono_{1'000'000'000};
};

}  // namespace lockstep::fakes
