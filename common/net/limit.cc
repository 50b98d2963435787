#include "common/net/limit.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <vector>

namespace lockstep::net {
namespace {

// Long enough for any probe, short enough that no sum of times overflows.
constexpr Micros kLongestBudget = std::chrono::hours(24);

timespec ToTimespec(Micros duration) {
  const auto whole = std::chrono::duration_cast<Seconds>(duration);
  timespec out{};
  out.tv_sec = whole.count();
  out.tv_nsec = std::chrono::nanoseconds(duration - whole).count();
  return out;
}

}  // namespace

void Limit::Wake::operator()() const noexcept {
  const uint64_t one = 1;
  // Fails only if the counter is full, and then the descriptor is readable already.
  [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);
}

Limit::Limit(Micros budget, std::stop_token stop, const Clock& clock)
    : clock_(clock),
      deadline_(clock.Mono() + std::clamp(budget, Micros(0), kLongestBudget)),
      stop_(std::move(stop)) {
  if (!stop_.stop_possible()) return;
  wake_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_.valid()) on_stop_.emplace(stop_, Wake{wake_.get()});
}

Micros Limit::Left() const { return std::max(Micros(0), deadline_ - clock_.Mono()); }

Status Limit::Check() const {
  if (stop_.stop_requested()) return Cancelled("stopped");
  if (Left() == Micros(0)) return DeadlineExceeded("no answer within the deadline");
  return Status::Ok();
}

Status Limit::WaitFor(int fd, short events) const {
  pollfd wait{fd, events, 0};
  return WaitUntil({&wait, 1}, deadline_).status();
}

Result<bool> Limit::WaitUntil(std::span<pollfd> waits, MonoTime until) const {
  std::vector<pollfd> all(waits.begin(), waits.end());
  if (wake_.valid()) all.push_back({wake_.get(), POLLIN, 0});
  while (true) {
    LS_RETURN_IF_ERROR(Check());
    const MonoTime end = std::min(until, deadline_);
    const timespec timeout = ToTimespec(std::max(Micros(0), end - clock_.Mono()));
    const int ready = ::ppoll(all.data(), all.size(), &timeout, nullptr);
    if (ready < 0 && errno != EINTR) return FromErrno(errno, "poll");
    if (ready <= 0) {
      if (until < deadline_ && clock_.Mono() >= until) return false;
      continue;
    }
    bool any = false;
    for (size_t i = 0; i < waits.size(); ++i) {
      waits[i].revents = all[i].revents;
      any = any || all[i].revents != 0;
    }
    if (any) return true;
  }
}

}  // namespace lockstep::net
