#include "controller/session/rate_limiter.h"

#include <algorithm>

namespace lockstep::controller::session {

double RateLimiter::Filled(const Bucket& bucket, MonoTime now) const {
  const double seconds = std::chrono::duration<double>(now - bucket.at).count();
  return std::min(burst_, bucket.tokens + seconds * per_second_);
}

Status RateLimiter::Take(const std::string& key, const std::string& what) {
  const MonoTime now = clock_.Mono();
  const std::lock_guard lock(mutex_);
  if (buckets_.size() >= forget_at_) ForgetFull(now);
  Bucket& bucket = buckets_.try_emplace(key, Bucket{burst_, now}).first->second;
  bucket.tokens = Filled(bucket, now);
  bucket.at = now;
  if (bucket.tokens < 1.0) {
    return ResourceExhausted(what + ": too often; at most " +
                             std::to_string(static_cast<int>(per_second_)) +
                             " a second are answered");
  }
  bucket.tokens -= 1.0;
  return Status::Ok();
}

void RateLimiter::ForgetFull(MonoTime now) {
  std::erase_if(buckets_, [&](const auto& entry) { return Filled(entry.second, now) >= burst_; });
  forget_at_ = std::max<size_t>(1024, 2 * buckets_.size());
}

size_t RateLimiter::keys() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

}  // namespace lockstep::controller::session
