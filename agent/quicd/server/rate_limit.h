// So many a second, and no more saved up than one second's worth.
#pragma once

#include <algorithm>

#include "common/base/clock.h"

namespace lockstep::agent::quicd::server {

class RateLimit {
 public:
  // False: not now.
  bool Take(uint32_t per_second, MonoTime now) {
    const auto most = static_cast<double>(per_second);
    const double seconds = std::chrono::duration<double>(now - last_).count();
    left_ = std::min(most, left_ + seconds * most);
    last_ = now;
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

 private:
  MonoTime last_{};
  double left_ = 0;
};

}  // namespace lockstep::agent::quicd::server
