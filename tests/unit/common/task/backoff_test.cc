#include "common/task/backoff.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace lockstep::task {
namespace {

RC_GTEST_PROP(BackoffProperty, EveryDelayIsWithinItsBound, (uint64_t seed)) {
  const Micros base(*rc::gen::inRange<int64_t>(1, 10'000'000));
  const Micros ceiling(*rc::gen::inRange<int64_t>(1, 600'000'000));
  Backoff backoff(base, ceiling, seed);
  for (int n = 0; n < 70; ++n) {
    const int64_t doubled = n < 40 ? base.count() << n : INT64_MAX;
    const Micros delay = backoff.Next();
    RC_ASSERT(delay >= Micros(0));
    RC_ASSERT(delay <= Micros(std::min(doubled < 0 ? INT64_MAX : doubled, ceiling.count())));
  }
}

TEST(BackoffTest, SpreadsAFleetOverTheWholeWindow) {
  int low = 0;
  int high = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Backoff backoff(Seconds(1), Seconds(60), seed);
    for (int i = 0; i < 10; ++i) (void)backoff.Next();
    const Micros delay = backoff.Next();
    low += delay < Seconds(15) ? 1 : 0;
    high += delay > Seconds(45) ? 1 : 0;
  }
  EXPECT_NEAR(low, 250, 60) << "full jitter: a quarter of the fleet in a quarter of the window";
  EXPECT_NEAR(high, 250, 60);
}

TEST(BackoffTest, ResetStartsFromTheBase) {
  Backoff backoff(Millis(10), Seconds(60), 1);
  for (int i = 0; i < 20; ++i) (void)backoff.Next();
  EXPECT_EQ(backoff.attempt(), 20);
  backoff.Reset();
  EXPECT_EQ(backoff.attempt(), 0);
  EXPECT_LE(backoff.Next(), Millis(10));
}

TEST(BackoffTest, TheSameSeedGivesTheSameDelays) {
  Backoff a(Millis(100), Seconds(60), 42);
  Backoff b(Millis(100), Seconds(60), 42);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(a.Next(), b.Next());
}

}  // namespace
}  // namespace lockstep::task
