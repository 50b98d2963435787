#include "common/task/batcher.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "common/task/strand.h"
#include "tests/fakes/manual_executor.h"

namespace lockstep::task {
namespace {

constexpr Micros kPause(500);

class BatcherTest : public testing::Test {
 protected:
  void Post(char letter) {
    batcher_.Post([this, letter] { heard_ += letter; });
  }

  fakes::FakeClock clock_;
  fakes::ManualExecutor executor_{clock_};
  Batcher batcher_{executor_, kPause};
  std::string heard_;
};

TEST_F(BatcherTest, TheFirstAfterAQuietTimeRunsAtOnce) {
  Post('a');
  executor_.RunAll();
  EXPECT_EQ(heard_, "a");
}

TEST_F(BatcherTest, WhatFollowsIsGatheredInOrder) {
  Post('a');
  executor_.RunAll();
  Post('b');
  Post('c');
  executor_.AdvanceBy(kPause - Micros(1));
  EXPECT_EQ(heard_, "a");
  executor_.AdvanceBy(Micros(1));
  EXPECT_EQ(heard_, "abc");
}

TEST_F(BatcherTest, AfterAPauseWithoutWorkItIsQuietAgain) {
  Post('a');
  executor_.RunAll();
  executor_.AdvanceBy(kPause);
  Post('b');
  executor_.RunAll();
  EXPECT_EQ(heard_, "ab");
}

TEST_F(BatcherTest, WorkMayPostMore) {
  batcher_.Post([this] {
    heard_ += 'a';
    Post('b');
  });
  executor_.RunAll();
  EXPECT_EQ(heard_, "a");
  executor_.AdvanceBy(kPause);
  EXPECT_EQ(heard_, "ab");
}

TEST_F(BatcherTest, OnceItNoLongerGathersNothingWaits) {
  Post('a');
  executor_.RunAll();
  Post('b');
  batcher_.StopGathering();
  executor_.RunAll();
  EXPECT_EQ(heard_, "ab");
  Post('c');
  Post('d');
  executor_.RunAll();
  EXPECT_EQ(heard_, "abcd");
  executor_.AdvanceBy(kPause);
  Post('e');
  executor_.RunAll();
  EXPECT_EQ(heard_, "abcde");
}

TEST(BatcherStressTest, NothingIsLostAndEachThreadsOrderIsKept) {
  constexpr int kThreads = 3;
  constexpr int kEach = 3000;
  std::vector<int> next(kThreads, 0);
  int total = 0;
  bool ordered = true;
  {
    Strand strand("test");
    Batcher batcher(strand, Micros(50));
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          batcher.Post([&, t, i] {
            ordered = ordered && next[static_cast<size_t>(t)]++ == i;
            ++total;
          });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    batcher.StopGathering();
    strand.Stop();
  }
  EXPECT_EQ(total, kThreads * kEach);
  EXPECT_TRUE(ordered);
}

}  // namespace
}  // namespace lockstep::task
