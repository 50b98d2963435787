#include "agent/quicd/loop/loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

namespace lockstep::agent::quicd::loop {
namespace {

struct Pair {
  Fd ours;
  Fd theirs;
};

Pair ConnectedPair() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

void Poke(const Fd& fd) { ASSERT_EQ(::write(fd.get(), "x", 1), 1); }

class LoopTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> made = Loop::Create();
    ASSERT_TRUE(made.ok());
    loop_ = std::move(made).value();
  }
  std::unique_ptr<Loop> loop_;
};

TEST_F(LoopTest, CallsWhileADescriptorIsReady) {
  const Pair pair = ConnectedPair();
  int calls = 0;
  ASSERT_TRUE(loop_
                  ->Watch(pair.ours.get(), EPOLLIN,
                          [&](uint32_t events) {
                            EXPECT_NE(events & EPOLLIN, 0U);
                            if (++calls == 3) loop_->Stop();
                          })
                  .ok());
  Poke(pair.theirs);
  loop_->Run();
  EXPECT_EQ(calls, 3);
}

TEST_F(LoopTest, ChangeDecidesWhatIsWaitedFor) {
  const Pair pair = ConnectedPair();
  int writable = 0;
  ASSERT_TRUE(loop_
                  ->Watch(pair.ours.get(), EPOLLOUT,
                          [&](uint32_t) {
                            ++writable;
                            loop_->Change(pair.ours.get(), EPOLLIN);
                          })
                  .ok());
  loop_->At(loop_->now() + Millis(20), [&] { loop_->Stop(); });
  loop_->Run();
  EXPECT_EQ(writable, 1);
}

TEST_F(LoopTest, ADescriptorUnwatchedInTheSameTurnIsNotCalled) {
  Pair first = ConnectedPair();
  Pair second = ConnectedPair();
  int calls = 0;
  const auto once = [&](Pair& other) {
    return [&](uint32_t) {
      ++calls;
      loop_->Unwatch(other.ours.get());
      other.ours.Reset();
      loop_->Stop();
    };
  };
  ASSERT_TRUE(loop_->Watch(first.ours.get(), EPOLLIN, once(second)).ok());
  ASSERT_TRUE(loop_->Watch(second.ours.get(), EPOLLIN, once(first)).ok());
  Poke(first.theirs);
  Poke(second.theirs);
  loop_->Run();
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, ADescriptorThatTakesANumberInTheSameTurnDoesNotGetItsEvents) {
  Pair first = ConnectedPair();
  Pair second = ConnectedPair();
  Pair fresh = ConnectedPair();
  int on_fresh = 0;
  const auto replace = [&](Pair& other) {
    return [&](uint32_t) {
      const int number = other.ours.get();
      loop_->Unwatch(number);
      ASSERT_EQ(::dup2(fresh.ours.get(), number), number);
      ASSERT_TRUE(loop_->Watch(number, EPOLLIN, [&](uint32_t) { ++on_fresh; }).ok());
      loop_->Stop();
    };
  };
  ASSERT_TRUE(loop_->Watch(first.ours.get(), EPOLLIN, replace(second)).ok());
  ASSERT_TRUE(loop_->Watch(second.ours.get(), EPOLLIN, replace(first)).ok());
  Poke(first.theirs);
  Poke(second.theirs);
  loop_->Run();
  EXPECT_EQ(on_fresh, 0);
}

TEST_F(LoopTest, ACallbackMayUnwatchItself) {
  const Pair pair = ConnectedPair();
  std::string kept = "still there";
  ASSERT_TRUE(loop_
                  ->Watch(pair.ours.get(), EPOLLIN,
                          [&, kept](uint32_t) {
                            loop_->Unwatch(pair.ours.get());
                            EXPECT_EQ(kept, "still there");
                            loop_->Stop();
                          })
                  .ok());
  Poke(pair.theirs);
  loop_->Run();
}

TEST_F(LoopTest, TimersRunInOrderAndNotBeforeTheirTime) {
  std::vector<int> order;
  const MonoTime start = loop_->now();
  loop_->At(start + Millis(20), [&] {
    order.push_back(3);
    EXPECT_GE(loop_->now(), start + Millis(20));
    loop_->Stop();
  });
  loop_->At(start + Millis(5), [&] { order.push_back(1); });
  loop_->At(start + Millis(5), [&] { order.push_back(2); });
  const Loop::TimerId cancelled = loop_->At(start + Millis(10), [&] { order.push_back(9); });
  loop_->Cancel(cancelled);
  loop_->Cancel(cancelled);
  loop_->Run();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(LoopTest, ATimerMayCancelOneOfTheSameMoment) {
  const MonoTime when = loop_->now();
  bool ran = false;
  Loop::TimerId second = 0;
  loop_->At(when, [&] {
    loop_->Cancel(second);
    loop_->Stop();
  });
  second = loop_->At(when, [&] { ran = true; });
  loop_->Run();
  EXPECT_FALSE(ran);
}

TEST_F(LoopTest, LaterRunsAfterTheDescriptorsOfTheTurnAndDoesNotStarveThem) {
  const Pair pair = ConnectedPair();
  std::vector<std::string> order;
  std::function<void()> again = [&] {
    order.emplace_back("later");
    loop_->Later(again);
  };
  ASSERT_TRUE(loop_
                  ->Watch(pair.ours.get(), EPOLLIN,
                          [&](uint32_t) {
                            order.emplace_back("ready");
                            if (order.size() > 1) loop_->Stop();
                            if (order.size() == 1) loop_->Later(again);
                          })
                  .ok());
  Poke(pair.theirs);
  loop_->Run();
  EXPECT_EQ(order, (std::vector<std::string>{"ready", "later", "ready", "later"}));
}

TEST_F(LoopTest, PostedWorkRunsInOrderOnTheLoopsThread) {
  constexpr int kCount = 1000;
  std::vector<int> order;
  std::thread poster([&] {
    for (int i = 0; i < kCount; ++i) loop_->Post([&, i] { order.push_back(i); });
    loop_->Post([&] { loop_->Stop(); });
  });
  loop_->Run();
  poster.join();
  ASSERT_EQ(order.size(), static_cast<size_t>(kCount));
  for (int i = 0; i < kCount; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST_F(LoopTest, StopBeforeRunIsNotLost) {
  loop_->Stop();
  loop_->Run();
}

TEST_F(LoopTest, WatchingSomethingThatCannotBeWatchedFails) {
  EXPECT_FALSE(loop_->Watch(-1, EPOLLIN, [](uint32_t) {}).ok());
}

}  // namespace
}  // namespace lockstep::agent::quicd::loop
