#include "common/base/clock.h"

#include <gtest/gtest.h>

namespace lockstep {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

TEST(ClockTest, FormatsTimesAsRfc3339InUtc) {
  EXPECT_EQ(FormatTime(FromUnixMicros(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(FromUnixMicros(1'795'293'849'123'456)), "2026-11-21T20:44:09.123Z");
  EXPECT_EQ(FormatTime(FromUnixMicros(1'709'164'799'999'999)), "2024-02-28T23:59:59.999Z");
  EXPECT_EQ(FormatTime(FromUnixMicros(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(ClockTest, UnixMicrosecondsRoundTrip) {
  for (const int64_t micros :
       {int64_t{0}, int64_t{1}, int64_t{-5}, int64_t{1'795'293'849'123'456}}) {
    EXPECT_EQ(ToUnixMicros(FromUnixMicros(micros)), micros);
  }
}

TEST(ClockTest, FormatsDurationsForPeople) {
  EXPECT_EQ(FormatDuration(Micros(0)), "0 us");
  EXPECT_EQ(FormatDuration(Micros(999)), "999 us");
  EXPECT_EQ(FormatDuration(Millis(850)), "850 ms");
  EXPECT_EQ(FormatDuration(Millis(2310)), "2.31 s");
  EXPECT_EQ(FormatDuration(minutes(4) + Seconds(5)), "4 min 05 s");
  EXPECT_EQ(FormatDuration(hours(3) + minutes(10)), "3 h 10 min");
  EXPECT_EQ(FormatDuration(days(12) + hours(4)), "12 d 4 h");
  EXPECT_EQ(FormatDuration(-Millis(850)), "-850 ms");
}

TEST(ClockTest, NeverRoundsADurationUpToTheNextUnit) {
  EXPECT_EQ(FormatDuration(Micros(999'999)), "999 ms");
  EXPECT_EQ(FormatDuration(Micros(59'999'999)), "59.99 s");
  EXPECT_EQ(FormatDuration(Seconds(3599)), "59 min 59 s");
  EXPECT_EQ(FormatDuration(hours(24) - Seconds(1)), "23 h 59 min");
}

TEST(ClockTest, TheSystemClockMovesForward) {
  const Clock& clock = Clock::System();
  const MonoTime before = clock.Mono();
  EXPECT_LE(before, clock.Mono());
  EXPECT_GT(clock.Now(), FromUnixMicros(1'700'000'000'000'000));
}

}  // namespace
}  // namespace lockstep
