#include "common/task/lifecycle.h"

#include <utility>

#include "common/log/log.h"

namespace lockstep::task {

void Lifecycle::Add(std::string name, std::function<Status()> start, std::function<void()> stop) {
  steps_.push_back({std::move(name), std::move(start), std::move(stop)});
}

Status Lifecycle::Start() {
  while (started_ < steps_.size()) {
    const Step& step = steps_[started_];
    const Status started = step.start ? step.start() : Status::Ok();
    if (!started.ok()) {
      Stop();
      return started.Prefixed(step.name);
    }
    ++started_;
  }
  return Status::Ok();
}

void Lifecycle::Stop() {
  while (started_ > 0) {
    const Step& step = steps_[--started_];
    if (!step.stop) continue;
    log::Debug("task.stop", {{"part", step.name}});
    step.stop();
  }
}

}  // namespace lockstep::task
