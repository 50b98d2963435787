// One TCP connection to Caddy: non-blocking, watched by the loop, without a word of HTTP.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "agent/quicd/loop/loop.h"
#include "common/base/fd.h"
#include "common/base/ip.h"
#include "common/status/status.h"

namespace lockstep::agent::quicd::upstream {

class Connection {
 public:
  // Whoever has the connection at the moment.
  class User {
   public:
    virtual ~User() = default;
    virtual void OnReady(uint32_t epoll_events) = 0;  // may destroy the connection
  };

  // Begins to connect; the user hears EPOLLOUT when that is over, one way or the other.
  static Result<std::unique_ptr<Connection>> Open(loop::Loop& loop, const Endpoint& target,
                                                  User& user);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void SetUser(User& user) { user_ = &user; }
  // With neither, nothing is heard of it, not even its end.
  Status Listen(bool readable, bool writable);

  // Before each request. Lets an answer be acknowledged by what is sent next, or 40 ms later; the
  // kernel forgets it whenever it was later. An acknowledgement of its own for each read was a
  // sixth of a small request's CPU here, and more of Caddy's.
  void AcknowledgeLater();

  // Why it could not be connected.
  Status Connected() const;
  // Nothing if it would have to wait; 0 is the end of the stream.
  Result<std::optional<size_t>> Receive(std::span<uint8_t> into);
  Result<std::optional<size_t>> Send(std::span<iovec> parts);
  // Neither ended nor spoken to while nobody asked.
  bool IsQuiet() const;

  const Endpoint& target() const { return target_; }
  // It has served a request before: its end may have been under way when the next one was sent.
  bool reused() const { return reused_; }
  void MarkReused() { reused_ = true; }

 private:
  Connection(loop::Loop& loop, const Endpoint& target, Fd socket, User& user)
      : loop_(loop), target_(target), socket_(std::move(socket)), user_(&user) {}

  loop::Loop& loop_;
  const Endpoint target_;
  const Fd socket_;
  User* user_;
  uint32_t events_ = 0;  // what the loop watches for; 0: not watched
  bool reused_ = false;
};

}  // namespace lockstep::agent::quicd::upstream
