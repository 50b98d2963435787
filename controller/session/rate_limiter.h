// RateLimiter: how often somebody may do something, by token buckets.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "common/base/clock.h"
#include "common/status/status.h"

namespace lockstep::controller::session {

// Thread-safe. Each key has a bucket of its own; a bucket that is full again is forgotten.
class RateLimiter {
 public:
  RateLimiter(double per_second, double burst, const Clock& clock)
      : per_second_(per_second), burst_(burst), clock_(clock) {}

  // RESOURCE_EXHAUSTED if `key` has used up its share. `what` names the thing in the message.
  Status Take(const std::string& key, const std::string& what);

  size_t keys() const;

 private:
  struct Bucket {
    double tokens;
    MonoTime at;
  };
  double Filled(const Bucket& bucket, MonoTime now) const;
  void ForgetFull(MonoTime now);

  // Constant after construction.
  const double per_second_;
  const double burst_;
  const Clock& clock_;

  mutable std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;  // guarded by mutex_
  size_t forget_at_ = 1024;                // guarded by mutex_: how many keys make us look
};

}  // namespace lockstep::controller::session
