// Loop: one thread that waits for descriptors, timers and work from elsewhere.
//
// A turn is: wait; take the time once; serve the ready descriptors; run the timers that are due;
// run what was posted; run what asked to be run Later. All but Post and Stop belong to the loop's
// own thread, or to whoever holds the loop before Run and after it.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/status/status.h"

namespace lockstep::agent::quicd::loop {

class Loop {
 public:
  using Work = std::function<void()>;
  using Ready = std::function<void(uint32_t epoll_events)>;
  using TimerId = uint64_t;  // never 0

  static Result<std::unique_ptr<Loop>> Create();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Calls `ready` while `events` hold (level-triggered). `fd` stays the caller's, who calls Unwatch
  // before closing it.
  Status Watch(int fd, uint32_t events, Ready ready);
  // Other events for a watched descriptor; 0 leaves errors and hang-ups only.
  void Change(int fd, uint32_t events);
  // Safe inside callbacks: for the descriptor that is being served, and for another one that is
  // ready in the same turn, which then is not called. No-op for a descriptor that is not watched.
  void Unwatch(int fd);

  // Runs `work` once, at `when` or as soon after it as the loop can; timers of one moment run in
  // the order they were made.
  TimerId At(MonoTime when, Work work);
  // No-op for a timer that ran or was cancelled.
  void Cancel(TimerId timer);
  // At the end of this turn; what is asked for there runs at the end of the next one.
  void Later(Work work);
  // From any thread. Work runs in the order posted; what is left when the loop goes is dropped.
  void Post(Work work);

  // When this turn began to work. Before Run: when the loop was made.
  MonoTime now() const { return now_; }

  // Turns until Stop, from any thread, has been called; at once if it was called before. May be
  // called again afterwards.
  void Run();
  void Stop();

 private:
  struct Watched {
    Ready ready;
    uint32_t generation;  // a descriptor's number may be used again within one turn
  };

  Loop(Fd epoll, Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  void Turn();
  int Wait();
  void Serve(const epoll_event& event);
  void RunTimers();
  void RunPosted();
  void RunLater();
  void Wake();

  static constexpr size_t kEventsPerTurn = 256;

  const Fd epoll_;
  const Fd wake_;  // an eventfd: readable once something was posted
  MonoTime now_ = Clock::System().Mono();
  std::unordered_map<int, std::shared_ptr<Watched>> watched_;
  uint32_t next_generation_ = 1;
  std::map<std::pair<MonoTime, TimerId>, Work> timers_;
  std::unordered_map<TimerId, MonoTime> due_;
  TimerId next_timer_ = 1;
  std::vector<Work> later_;
  std::vector<epoll_event> events_{kEventsPerTurn};
  std::atomic<bool> stopping_ = false;

  std::mutex mutex_;
  std::vector<Work> posted_;  // guarded by mutex_
};

}  // namespace lockstep::agent::quicd::loop
