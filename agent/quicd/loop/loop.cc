#include "agent/quicd/loop/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace lockstep::agent::quicd::loop {
namespace {

// What an epoll event carries: the descriptor and which of its watches it was armed for.
uint64_t TagOf(int fd, uint32_t generation) {
  return (static_cast<uint64_t>(generation) << 32) | static_cast<uint32_t>(fd);
}

timespec ToTimespec(Micros wait) {
  const auto seconds = std::chrono::duration_cast<Seconds>(wait);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(wait - seconds);
  return {.tv_sec = static_cast<time_t>(seconds.count()),
          .tv_nsec = static_cast<long>(rest.count())};
}

}  // namespace

Result<std::unique_ptr<Loop>> Loop::Create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return FromErrno(errno, "making an epoll descriptor");
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return FromErrno(errno, "making an eventfd");
  std::unique_ptr<Loop> loop(new Loop(std::move(epoll), std::move(wake)));
  LS_RETURN_IF_ERROR(
      loop->Watch(loop->wake_.get(), EPOLLIN, [raw = loop.get()](uint32_t) { raw->RunPosted(); }));
  return loop;
}

Loop::~Loop() = default;

Status Loop::Watch(int fd, uint32_t events, Ready ready) {
  const uint32_t generation = next_generation_++;
  epoll_event event{.events = events, .data = {.u64 = TagOf(fd, generation)}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return FromErrno(errno, "watching descriptor " + std::to_string(fd));
  }
  watched_[fd] = std::make_shared<Watched>(Watched{std::move(ready), generation});
  return Status::Ok();
}

void Loop::Change(int fd, uint32_t events) {
  const auto found = watched_.find(fd);
  LS_CHECK(found != watched_.end());
  epoll_event event{.events = events, .data = {.u64 = TagOf(fd, found->second->generation)}};
  LS_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Loop::Unwatch(int fd) {
  if (watched_.erase(fd) == 0) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::TimerId Loop::At(MonoTime when, Work work) {
  const TimerId timer = next_timer_++;
  timers_.emplace(std::pair(when, timer), std::move(work));
  due_.emplace(timer, when);
  return timer;
}

void Loop::Cancel(TimerId timer) {
  const auto found = due_.find(timer);
  if (found == due_.end()) return;
  timers_.erase({found->second, timer});
  due_.erase(found);
}

void Loop::Later(Work work) { later_.push_back(std::move(work)); }

void Loop::Post(Work work) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    posted_.push_back(std::move(work));
    if (posted_.size() > 1) return;  // whoever posted the first has written to the eventfd
  }
  Wake();
}

void Loop::Stop() {
  stopping_ = true;
  Wake();
}

// A full counter (EAGAIN) is as good as a written one: the descriptor is readable.
void Loop::Wake() {
  const uint64_t one = 1;
  LS_CHECK(::write(wake_.get(), &one, sizeof(one)) == sizeof(one) || errno == EAGAIN);
}

void Loop::Run() {
  while (!stopping_) Turn();
  stopping_ = false;
}

void Loop::Turn() {
  const int ready = Wait();
  now_ = Clock::System().Mono();
  for (int i = 0; i < ready; ++i) Serve(events_[static_cast<size_t>(i)]);
  RunTimers();
  RunLater();
}

// Microseconds matter: QUIC paces its packets by timers.
int Loop::Wait() {
  timespec timeout{};
  const timespec* until = &timeout;
  if (later_.empty()) {
    if (timers_.empty()) {
      until = nullptr;
    } else {
      const MonoTime first = timers_.begin()->first.first;
      timeout = ToTimespec(std::max(Micros(0), first - Clock::System().Mono()));
    }
  }
  const int ready = ::epoll_pwait2(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                                   until, nullptr);
  LS_CHECK(ready >= 0 || errno == EINTR);
  return std::max(ready, 0);
}

void Loop::Serve(const epoll_event& event) {
  const int fd = static_cast<int>(event.data.u64 & 0xffffffffU);
  const auto found = watched_.find(fd);
  if (found == watched_.end() || TagOf(fd, found->second->generation) != event.data.u64) return;
  const std::shared_ptr<Watched> alive = found->second;  // it may unwatch itself
  alive->ready(event.events);
}

void Loop::RunTimers() {
  while (!timers_.empty() && timers_.begin()->first.first <= now_) {
    auto node = timers_.extract(timers_.begin());
    due_.erase(node.key().second);
    node.mapped()();
  }
}

void Loop::RunPosted() {
  uint64_t count = 0;
  LS_CHECK(::read(wake_.get(), &count, sizeof(count)) == sizeof(count) || errno == EAGAIN);
  std::vector<Work> posted;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    posted.swap(posted_);
  }
  for (const Work& work : posted) work();
}

void Loop::RunLater() {
  std::vector<Work> batch;
  batch.swap(later_);
  for (const Work& work : batch) work();
}

}  // namespace lockstep::agent::quicd::loop
