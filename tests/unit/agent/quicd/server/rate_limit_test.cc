#include "agent/quicd/server/rate_limit.h"

#include <gtest/gtest.h>

namespace lockstep::agent::quicd::server {
namespace {

constexpr MonoTime kStart{Seconds(1000)};

int TakeAll(RateLimit& limit, uint32_t per_second, MonoTime now) {
  int taken = 0;
  while (limit.Take(per_second, now)) ++taken;
  return taken;
}

TEST(RateLimitTest, GivesASecondsWorthAndThenSoManyASecond) {
  RateLimit limit;
  EXPECT_EQ(TakeAll(limit, 100, kStart), 100);
  EXPECT_EQ(TakeAll(limit, 100, kStart + Millis(100)), 10);
  EXPECT_EQ(TakeAll(limit, 100, kStart + Millis(100)), 0);
}

TEST(RateLimitTest, SavesUpNoMoreThanASecondsWorth) {
  RateLimit limit;
  TakeAll(limit, 100, kStart);
  EXPECT_EQ(TakeAll(limit, 100, kStart + Seconds(3600)), 100);
}

TEST(RateLimitTest, ZeroIsNever) {
  RateLimit limit;
  EXPECT_EQ(TakeAll(limit, 0, kStart), 0);
  EXPECT_EQ(TakeAll(limit, 0, kStart + Seconds(10)), 0);
}

}  // namespace
}  // namespace lockstep::agent::quicd::server
