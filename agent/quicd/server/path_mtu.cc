#include "agent/quicd/server/path_mtu.h"

#include <algorithm>
#include <utility>

namespace lockstep::agent::quicd::server {
namespace {

// Fewer bytes than this of a stream could be sent again in a short datagram.
constexpr size_t kTelling = PathMtu::kBase / 2;
constexpr int kTimeouts = (1 << PathMtu::kExpiries) - 1;  // each timer is twice the one before

}  // namespace

bool PathMtu::Check(MonoTime now, Micros timeout) {
  last_timeout_ = timeout;
  if (fallen_) return false;
  if (!watched_) {
    if (newest_) Watch(now);
    return false;
  }
  timeout_ = std::min(timeout_, timeout);
  // The last of the timers is the one that has brought us here.
  if (expiries_ < kExpiries - 1 || now - since_ < kTimeouts * timeout_) return false;
  fallen_ = true;
  watched_.reset();
  newest_.reset();
  return true;
}

void PathMtu::OnStreamData(int64_t stream, size_t bytes) {
  sent_ += bytes;
  const uint64_t end = written_[stream] += bytes;
  if (bytes < fresh_) return;
  fresh_ = bytes;
  fresh_mark_ = {stream, end};
}

void PathMtu::OnSent(size_t size, size_t probed, MonoTime now) {
  const size_t fresh = std::exchange(fresh_, 0);
  if (fallen_ || size <= kBase || size > probed) return;
  if (fresh >= kTelling) {
    newest_ = fresh_mark_;
  } else if (!newest_) {
    newest_ = Mark{};
  }
  if (!watched_) return Watch(now);
  if (now - counted_ < timeout_) return;
  counted_ = now;
  ++expiries_;
}

void PathMtu::Watch(MonoTime now) {
  watched_ = newest_;
  since_ = counted_ = now;
  expiries_ = 0;
  timeout_ = last_timeout_;
}

bool PathMtu::Covers(int64_t stream, uint64_t end, const Mark& mark) {
  return mark.stream == kAny || (mark.stream == stream && mark.end <= end);
}

void PathMtu::OnAcknowledged(int64_t stream, uint64_t end) {
  if (watched_ && Covers(stream, end, *watched_)) watched_.reset();
  if (newest_ && Covers(stream, end, *newest_)) newest_.reset();
}

void PathMtu::OnStreamGone(int64_t stream) {
  written_.erase(stream);
  OnAcknowledged(stream, UINT64_MAX);
}

void PathMtu::OnNewPath() {
  fallen_ = false;
  watched_.reset();
  newest_.reset();
}

}  // namespace lockstep::agent::quicd::server
