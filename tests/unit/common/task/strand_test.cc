#include "common/task/strand.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <vector>

namespace lockstep::task {
namespace {

// Runs a function when the last copy of what holds it goes.
std::shared_ptr<void> OnLastCopyGone(std::function<void()> run) {
  return {nullptr, [run = std::move(run)](void*) { run(); }};
}

TEST(StrandTest, RunsWorkInTheOrderPosted) {
  Strand strand("test");
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) strand.Post([&order, i] { order.push_back(i); });
  strand.RunAndWait([] {});
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(StrandTest, RunsOneAtATimeAndKeepsEachThreadsOrder) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::vector<int> next(kThreads, 0);
  bool ordered = true;
  int total = 0;  // touched by the strand alone: ThreadSanitizer sees it if that fails
  {
    Strand strand("test");
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          strand.Post([&, t, i] {
            ordered = ordered && next[static_cast<size_t>(t)]++ == i;
            ++total;
          });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    strand.Stop();
  }
  EXPECT_TRUE(ordered);
  EXPECT_EQ(total, kThreads * kEach);
}

TEST(StrandTest, KnowsItsOwnThread) {
  Strand strand("test");
  bool inside = false;
  strand.RunAndWait([&] { inside = strand.OnStrand(); });
  EXPECT_TRUE(inside);
  EXPECT_FALSE(strand.OnStrand());
}

TEST(StrandTest, TimersRunInTheOrderTheyAreDue) {
  Strand strand("test");
  std::promise<void> done;
  std::vector<int> order;
  strand.RunAndWait([&] {  // posted together, so that none is due before all are known
    strand.PostAfter(Millis(12), [&] {
      order.push_back(3);
      done.set_value();
    });
    strand.PostAfter(Millis(8), [&] { order.push_back(2); });
    strand.PostAfter(Millis(2), [&] { order.push_back(1); });
  });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(StrandTest, ATimerNeverRunsEarly) {
  Strand strand("test");
  std::promise<MonoTime> ran;
  const MonoTime before = strand.clock().Mono();
  strand.PostAfter(Millis(5), [&] { ran.set_value(strand.clock().Mono()); });
  EXPECT_GE(ran.get_future().get() - before, Millis(5));
}

TEST(StrandTest, ACancelledTimerNeverRuns) {
  Strand strand("test");
  std::promise<void> later;
  bool ran = false;
  strand.RunAndWait([&] {
    const TimerId timer = strand.PostAfter(Micros(0), [&] { ran = true; });
    strand.Cancel(timer);
    strand.PostAfter(Millis(2), [&] { later.set_value(); });
  });
  later.get_future().wait();
  EXPECT_FALSE(ran);
}

TEST(StrandTest, CancellingNothingOrTwiceIsHarmless) {
  Strand strand("test");
  strand.Cancel(0);
  strand.Cancel(12345);
  const TimerId timer = strand.PostAfter(std::chrono::hours(1), [] {});
  strand.Cancel(timer);
  strand.Cancel(timer);
}

TEST(StrandTest, StopRunsWhatIsQueuedAndDropsTimers) {
  Strand strand("test");
  int ran = 0;
  bool timer_ran = false;
  std::promise<void> gate;
  strand.Post([&, open = gate.get_future().share()] { open.wait(); });
  for (int i = 0; i < 10; ++i) strand.Post([&] { ++ran; });
  strand.PostAfter(std::chrono::hours(1), [&] { timer_ran = true; });
  gate.set_value();
  strand.Stop();
  EXPECT_EQ(ran, 10);
  EXPECT_FALSE(timer_ran);
}

TEST(StrandTest, AfterStopEverythingIsDroppedAndNothingHangs) {
  Strand strand("test");
  strand.Stop();
  strand.Stop();
  bool ran = false;
  strand.Post([&] { ran = true; });
  EXPECT_EQ(strand.PostAfter(Micros(0), [&] { ran = true; }), 0U);
  strand.RunAndWait([&] { ran = true; });
  EXPECT_FALSE(ran);
}

TEST(StrandTest, WorkMayPostCancelAndSetTimersFromWithin) {
  Strand strand("test");
  std::promise<void> done;
  strand.Post([&] {
    const TimerId never = strand.PostAfter(std::chrono::hours(1), [] {});
    strand.Cancel(never);
    strand.Post([&] { strand.PostAfter(Micros(1), [&] { done.set_value(); }); });
  });
  done.get_future().wait();
}

TEST(StrandTest, CapturesOfDroppedTimersMayComeBackToTheStrand) {
  Strand strand("test");
  int gone = 0;
  const auto touch = [&] {
    ++gone;
    strand.Cancel(0);
  };
  const TimerId cancelled =
      strand.PostAfter(std::chrono::hours(1), [held = OnLastCopyGone(touch)] {});
  strand.PostAfter(std::chrono::hours(1), [held = OnLastCopyGone(touch)] {});
  strand.Cancel(cancelled);
  EXPECT_EQ(gone, 1);
  strand.Stop();
  EXPECT_EQ(gone, 2);
}

TEST(StrandTest, CapturesGoBeforeTheNextWorkRuns) {
  Strand strand("test");
  bool gone = false;
  bool gone_in_time = false;
  strand.Post([held = OnLastCopyGone([&] { gone = true; })] {});
  strand.RunAndWait([&] { gone_in_time = gone; });
  EXPECT_TRUE(gone_in_time);
}

TEST(StrandDeathTest, WaitingForItselfIsCaughtAtOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Strand strand("test");
        strand.RunAndWait([&] { strand.RunAndWait([] {}); });
      },
      "check failed: !OnStrand");
}

}  // namespace
}  // namespace lockstep::task
