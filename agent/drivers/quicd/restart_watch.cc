#include "agent/drivers/quicd/restart_watch.h"

#include <pthread.h>

#include <utility>

#include "common/net/socket.h"

namespace lockstep::agent::drivers::quicd {
namespace {

constexpr Micros kRetry = Millis(50);
constexpr Micros kLongestWait = std::chrono::hours(24);  // then it merely looks again

void Pause(const std::stop_token& stop) {
  const net::Limit limit(kRetry, stop);
  (void)limit.WaitUntil({}, limit.deadline()).ok();
}

// Nothing comes on this connection but its end.
bool WaitForEnd(const Fd& connection, const std::stop_token& stop) {
  const net::Limit limit(kLongestWait, stop);
  char byte = 0;
  return net::Receive(connection, &byte, 1, limit).ok() && !stop.stop_requested();
}

}  // namespace

RestartWatch::RestartWatch(ControlOptions options, std::function<void()> on_back)
    : options_(std::move(options)),
      on_back_(std::move(on_back)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {
  pthread_setname_np(thread_.native_handle(), "quicd watch");
}

void RestartWatch::Run(const std::stop_token& stop) const {
  bool was_away = false;
  while (!stop.stop_requested()) {
    const Result<Fd> connection = ConnectToServer(options_);
    if (!connection.ok()) {
      was_away = true;
      Pause(stop);
      continue;
    }
    if (was_away) on_back_();
    was_away = WaitForEnd(*connection, stop);
  }
}

}  // namespace lockstep::agent::drivers::quicd
