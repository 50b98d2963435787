// Strand: an Executor with one thread of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "common/task/executor.h"

namespace lockstep::task {

class Strand final : public Executor {
 public:
  // `name` shows in thread lists (at most 15 characters).
  explicit Strand(std::string name, const Clock& clock = Clock::System());
  // Stops; joins.
  ~Strand() override;

  void Post(Work work) override;
  TimerId PostAfter(Micros delay, Work work) override;
  void Cancel(TimerId timer) override;
  const Clock& clock() const override { return clock_; }

  // True on the strand's own thread.
  bool OnStrand() const { return std::this_thread::get_id() == thread_.get_id(); }
  // Posts `work` and waits until it ran; after Stop it returns at once and the work is dropped.
  // Never from the strand itself.
  void RunAndWait(Work work);
  // Runs what is queued, drops timers, joins. Idempotent; not from the strand itself, and from one
  // thread at a time.
  void Stop();

 private:
  // False when stopped; `work` is then untouched.
  bool Enqueue(Work& work);
  void Loop();

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;                               // guarded by mutex_
  std::map<std::pair<MonoTime, TimerId>, Work> timers_;  // guarded by mutex_
  std::map<TimerId, MonoTime> due_;                      // guarded by mutex_
  TimerId next_timer_ = 1;                               // guarded by mutex_
  bool stopping_ = false;                                // guarded by mutex_
  std::thread thread_;
};

}  // namespace lockstep::task
