#include "common/net/limit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace lockstep::net {
namespace {

class LimitTest : public ::testing::Test {
 protected:
  LimitTest() {
    int fds[2];
    LS_CHECK(::pipe(fds) == 0);
    read_.Reset(fds[0]);
    write_.Reset(fds[1]);
  }
  void MakeReadable() { LS_CHECK(::write(write_.get(), "x", 1) == 1); }

  Fd read_;
  Fd write_;
};

TEST_F(LimitTest, ReturnsOnceReady) {
  MakeReadable();
  const Limit limit(Seconds(10), {});
  EXPECT_EQ(limit.WaitFor(read_.get(), POLLIN), Status::Ok());
}

TEST_F(LimitTest, EndsAtTheDeadline) {
  const Limit limit(Millis(20), {});
  EXPECT_EQ(limit.WaitFor(read_.get(), POLLIN).code(), Code::kDeadlineExceeded);
  EXPECT_EQ(limit.Left(), Micros(0));
  EXPECT_EQ(limit.Check().code(), Code::kDeadlineExceeded);
}

TEST_F(LimitTest, IsOverAtOnceWithoutBudget) {
  MakeReadable();
  for (const Micros budget : {Micros(0), Micros(-5), Micros::min()}) {
    EXPECT_EQ(Limit(budget, {}).WaitFor(read_.get(), POLLIN).code(), Code::kDeadlineExceeded);
  }
}

TEST_F(LimitTest, BearsTheLongestBudget) {
  MakeReadable();
  EXPECT_EQ(Limit(Micros::max(), {}).WaitFor(read_.get(), POLLIN), Status::Ok());
}

TEST_F(LimitTest, AStopWakesTheWait) {
  std::stop_source stop;
  const Limit limit(Seconds(30), stop.get_token());
  const std::jthread stopper([&stop] { stop.request_stop(); });
  EXPECT_EQ(limit.WaitFor(read_.get(), POLLIN).code(), Code::kCancelled);
}

TEST_F(LimitTest, SeesAStopOfBefore) {
  std::stop_source stop;
  stop.request_stop();
  MakeReadable();
  EXPECT_EQ(Limit(Seconds(30), stop.get_token()).WaitFor(read_.get(), POLLIN).code(),
            Code::kCancelled);
}

TEST_F(LimitTest, WaitUntilTellsTheTimerFromTheDeadline) {
  const Limit limit(Seconds(30), {});
  pollfd wait{read_.get(), POLLIN, 0};
  const Result<bool> timer = limit.WaitUntil({&wait, 1}, limit.Now() + Millis(5));
  ASSERT_TRUE(timer.ok());
  EXPECT_FALSE(*timer);
  MakeReadable();
  const Result<bool> ready = limit.WaitUntil({&wait, 1}, limit.Now() + Seconds(5));
  ASSERT_TRUE(ready.ok());
  EXPECT_TRUE(*ready);
  EXPECT_EQ(wait.revents, POLLIN);
}

TEST_F(LimitTest, AnErrorOnTheDescriptorCountsAsReady) {
  write_.Reset();
  EXPECT_EQ(Limit(Seconds(10), {}).WaitFor(read_.get(), POLLIN), Status::Ok());
}

}  // namespace
}  // namespace lockstep::net
