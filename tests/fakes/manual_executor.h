// An executor without threads: a test decides what runs and when time passes.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "common/task/executor.h"
#include "tests/fakes/fake_clock.h"

namespace lockstep::fakes {

// Post and PostAfter from any thread; RunAll and AdvanceBy from the test's.
class ManualExecutor : public task::Executor {
 public:
  explicit ManualExecutor(FakeClock& clock) : clock_(clock) {}

  void Post(task::Work work) override {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  task::TimerId PostAfter(Micros delay, task::Work work) override {
    const std::lock_guard lock(mutex_);
    const task::TimerId id = next_timer_++;
    timers_.emplace(std::pair(clock_.Mono() + delay, id), std::move(work));
    return id;
  }
  void Cancel(task::TimerId timer) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(timers_, [timer](const auto& entry) { return entry.first.second == timer; });
  }
  const Clock& clock() const override { return clock_; }

  // Runs what is queued and due, and what that queues in turn, until nothing is left to do now.
  // Returns how many ran.
  size_t RunAll() {
    size_t ran = 0;
    while (RunOne()) ++ran;
    return ran;
  }
  // Lets time pass, stopping at each timer on the way so that it runs at its own moment.
  size_t AdvanceBy(Micros by) {
    const MonoTime end = clock_.Mono() + by;
    size_t ran = RunAll();
    while (true) {
      const std::optional<MonoTime> next = NextTimer();
      if (!next || *next > end) break;
      if (*next > clock_.Mono()) clock_.Advance(*next - clock_.Mono());
      ran += RunAll();
    }
    if (end > clock_.Mono()) clock_.Advance(end - clock_.Mono());
    return ran + RunAll();
  }

  size_t timers() const {
    const std::lock_guard lock(mutex_);
    return timers_.size();
  }
  bool idle() const {
    const std::lock_guard lock(mutex_);
    return queue_.empty();
  }

 private:
  std::optional<MonoTime> NextTimer() const {
    const std::lock_guard lock(mutex_);
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first.first;
  }
  bool RunOne() {
    task::Work work;
    {
      const std::lock_guard lock(mutex_);
      if (!timers_.empty() && timers_.begin()->first.first <= clock_.Mono()) {
        work = std::move(timers_.extract(timers_.begin()).mapped());
      } else if (!queue_.empty()) {
        work = std::move(queue_.front());
        queue_.pop_front();
      } else {
        return false;
      }
    }
    work();
    return true;
  }

  FakeClock& clock_;
  mutable std::mutex mutex_;
  std::deque<task::Work> queue_;                                     // guarded by mutex_
  std::map<std::pair<MonoTime, task::TimerId>, task::Work> timers_;  // guarded by mutex_
  task::TimerId next_timer_ = 1;                                     // guarded by mutex_
};

}  // namespace lockstep::fakes
