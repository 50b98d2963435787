#include "controller/session/rate_limiter.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace lockstep::controller::session {
namespace {

TEST(RateLimiterTest, GivesTheBurstAndThenTheRate) {
  fakes::FakeClock clock;
  RateLimiter limiter(20, 20, clock);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(limiter.Take("fra1", "misses").ok());
  EXPECT_EQ(limiter.Take("fra1", "challenge misses of node fra1"),
            ResourceExhausted(
                "challenge misses of node fra1: too often; at most 20 a second are answered"));
  clock.Advance(Millis(50));
  EXPECT_TRUE(limiter.Take("fra1", "misses").ok());
  EXPECT_FALSE(limiter.Take("fra1", "misses").ok());
}

TEST(RateLimiterTest, TenThousandTriesInASecondPassTwiceTheRateAtMost) {
  fakes::FakeClock clock;
  RateLimiter limiter(20, 20, clock);
  int passed = 0;
  for (int i = 0; i < 10'000; ++i) {
    passed += limiter.Take("fra1", "misses").ok() ? 1 : 0;
    clock.Advance(Micros(100));
  }
  EXPECT_GE(passed, 39);
  EXPECT_LE(passed, 40);  // the burst, and one second's share
}

TEST(RateLimiterTest, KeysDoNotShare) {
  fakes::FakeClock clock;
  RateLimiter limiter(1, 1, clock);
  EXPECT_TRUE(limiter.Take("fra1", "misses").ok());
  EXPECT_TRUE(limiter.Take("ams1", "misses").ok());
  EXPECT_FALSE(limiter.Take("fra1", "misses").ok());
}

TEST(RateLimiterTest, ForgetsKeysThatAreFullAgain) {
  fakes::FakeClock clock;
  RateLimiter limiter(10, 10, clock);
  for (int i = 0; i < 100'000; ++i) {
    EXPECT_TRUE(limiter.Take(std::to_string(i), "enrolment").ok());
    clock.Advance(Millis(1));
  }
  EXPECT_LE(limiter.keys(), 2048U);
}

}  // namespace
}  // namespace lockstep::controller::session
