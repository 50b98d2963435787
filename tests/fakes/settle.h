// Waiting for worker threads in tests whose strand is a ManualExecutor.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "tests/fakes/manual_executor.h"

namespace lockstep::fakes {

// Runs the executor's work, letting worker threads catch up, until `done` holds; false after 10 s.
// Time does not pass on its clock.
inline bool RunUntil(ManualExecutor& executor, const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (true) {
    executor.RunAll();
    if (done()) return true;
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
}

}  // namespace lockstep::fakes
