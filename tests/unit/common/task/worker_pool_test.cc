#include "common/task/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>

namespace lockstep::task {
namespace {

TEST(WorkerPoolTest, RunsEverythingPosted) {
  WorkerPool pool("test", 3);
  std::latch all(100);
  for (int i = 0; i < 100; ++i) pool.Post([&](const std::stop_token&) { all.count_down(); });
  all.wait();
}

TEST(WorkerPoolTest, RunsAsManyAtOnceAsItHasThreads) {
  WorkerPool pool("test", 3);
  std::latch together(3);  // each waits for the other two
  std::latch done(3);
  for (int i = 0; i < 3; ++i) {
    pool.Post([&](const std::stop_token&) {
      together.arrive_and_wait();
      done.count_down();
    });
  }
  done.wait();
}

TEST(WorkerPoolTest, StopAsksRunningWorkToEndAndWaitsForIt) {
  WorkerPool pool("test", 1);
  std::promise<void> running;
  bool ended = false;
  pool.Post([&](const std::stop_token& stop) {
    std::promise<void> asked;
    const std::stop_callback wake(stop, [&] { asked.set_value(); });
    running.set_value();
    asked.get_future().wait();
    ended = true;
  });
  running.get_future().wait();
  pool.Stop();
  EXPECT_TRUE(ended);
}

TEST(WorkerPoolTest, StopDropsWhatIsQueuedAndLaterPosts) {
  WorkerPool pool("test", 1);
  std::promise<void> running;
  std::atomic<int> ran = 0;
  pool.Post([&](const std::stop_token& stop) {
    std::promise<void> asked;
    const std::stop_callback wake(stop, [&] { asked.set_value(); });
    running.set_value();
    asked.get_future().wait();
  });
  running.get_future().wait();
  for (int i = 0; i < 10; ++i) pool.Post([&](const std::stop_token&) { ++ran; });
  pool.Stop();
  pool.Stop();
  pool.Post([&](const std::stop_token&) { ++ran; });
  EXPECT_EQ(ran, 0);
}

TEST(WorkerPoolTest, CapturesOfDroppedWorkMayComeBackToThePool) {
  bool gone = false;
  WorkerPool pool("test", 1);
  std::promise<void> running;
  pool.Post([&](const std::stop_token& stop) {
    std::promise<void> asked;
    const std::stop_callback wake(stop, [&] { asked.set_value(); });
    running.set_value();
    asked.get_future().wait();
  });
  running.get_future().wait();
  std::shared_ptr<void> held(nullptr, [&](void*) {
    pool.Post([](const std::stop_token&) {});
    gone = true;
  });
  pool.Post([copy = std::move(held)](const std::stop_token&) {});
  pool.Stop();
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace lockstep::task
