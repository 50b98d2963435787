#include "tests/bench/poller.h"

#include <sys/epoll.h>

#include <array>

#include "common/status/status.h"

namespace lockstep::bench {
namespace {

epoll_event EventFor(Pollable* pollable, bool read, bool write) {
  epoll_event event{};
  event.events = (read ? uint32_t{EPOLLIN} : 0U) | (write ? uint32_t{EPOLLOUT} : 0U);
  event.data.ptr = pollable;
  return event;
}

}  // namespace

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) { LS_CHECK(epoll_.valid()); }

void Poller::Add(int fd, Pollable* pollable, bool write) {
  epoll_event event = EventFor(pollable, true, write);
  LS_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void Poller::Change(int fd, Pollable* pollable, bool read, bool write) {
  epoll_event event = EventFor(pollable, read, write);
  LS_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Poller::RunOnce(std::chrono::milliseconds timeout) {
  std::array<epoll_event, 512> events{};
  const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                               static_cast<int>(timeout.count()));
  for (int i = 0; i < count; ++i) {
    static_cast<Pollable*>(events[static_cast<size_t>(i)].data.ptr)->OnReady();
  }
}

}  // namespace lockstep::bench
