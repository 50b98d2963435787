#include "common/task/batcher.h"

#include <utility>

namespace lockstep::task {

void Batcher::Post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
    if (std::exchange(scheduled_, true)) return;
  }
  executor_.Post([this] { Run(); });
}

void Batcher::StopGathering() {
  {
    const std::lock_guard lock(mutex_);
    gathers_ = false;
    scheduled_ = true;
  }
  executor_.Post([this] { Run(); });  // ahead of the timer that may be waiting
}

void Batcher::Run() {
  std::vector<Work> batch;
  bool gathers = false;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(waiting_);
    gathers = gathers_;
    // Nothing came during the last pause, or nothing shall wait: the next work is posted at once.
    if (batch.empty() || !gathers) scheduled_ = false;
  }
  for (Work& work : batch) std::exchange(work, nullptr)();
  if (gathers && !batch.empty()) executor_.PostAfter(pause_, [this] { Run(); });
}

}  // namespace lockstep::task
