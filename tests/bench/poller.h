// epoll, with objects instead of numbers.
#pragma once

#include <chrono>

#include "common/base/fd.h"

namespace lockstep::bench {

// Something with a descriptor that is waited for.
class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void OnReady() = 0;
};

class Poller {
 public:
  Poller();
  // Level-triggered. `pollable` must outlive its descriptor.
  void Add(int fd, Pollable* pollable, bool write);
  void Change(int fd, Pollable* pollable, bool read, bool write);
  // Waits for at most `timeout` and calls OnReady of whoever is ready.
  void RunOnce(std::chrono::milliseconds timeout);

 private:
  Fd epoll_;
};

}  // namespace lockstep::bench
