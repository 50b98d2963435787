// Lifecycle: what is started in order is stopped in the reverse order.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/status/status.h"

namespace lockstep::task {

class Lifecycle {
 public:
  // A step without a start or a stop may leave that one empty.
  void Add(std::string name, std::function<Status()> start, std::function<void()> stop);

  // Runs all starts. After an error those that had started are stopped again, and the error comes
  // back with the step's name.
  Status Start();
  // Idempotent; stops what was started.
  void Stop();
  ~Lifecycle() { Stop(); }

 private:
  struct Step {
    std::string name;
    std::function<Status()> start;
    std::function<void()> stop;
  };
  std::vector<Step> steps_;
  size_t started_ = 0;
};

}  // namespace lockstep::task
