#include "common/task/pacer.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace lockstep::task {
namespace {

TEST(PacerTest, TheFirstRunNeedNotWait) {
  fakes::FakeClock clock;
  EXPECT_EQ(Pacer(clock).Wait(), Micros(0));
}

TEST(PacerTest, TheNextRunWaitsForAsLongAsTheLastOneTook) {
  fakes::FakeClock clock;
  Pacer pacer(clock);
  EXPECT_EQ(pacer.Run([&] {
    clock.Advance(Millis(80));
    return 7;
  }),
            7);
  EXPECT_EQ(pacer.Wait(), Millis(80));
  clock.Advance(Millis(50));
  EXPECT_EQ(pacer.Wait(), Millis(30));
  clock.Advance(Millis(30));
  EXPECT_EQ(pacer.Wait(), Micros(0));
}

}  // namespace
}  // namespace lockstep::task
