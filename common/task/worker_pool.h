// WorkerPool: threads for work that blocks (probes, child processes, driver calls).
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/task/executor.h"

namespace lockstep::task {

class WorkerPool {
 public:
  WorkerPool(std::string name, size_t threads);
  ~WorkerPool();  // Stop()

  // Runs `work` on some thread; the token asks it to end early once Stop was called.
  // After Stop the work is dropped.
  void Post(std::function<void(std::stop_token)> work);
  // Asks running work to end, drops what is queued, joins. Idempotent.
  void Stop();

 private:
  void Loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void(std::stop_token)>> queue_;  // guarded by mutex_
  bool stopping_ = false;                                   // guarded by mutex_
  std::stop_source stop_;
  std::vector<std::thread> threads_;
};

}  // namespace lockstep::task
