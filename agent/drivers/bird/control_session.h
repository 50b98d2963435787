// ControlSession: one conversation with a BIRD daemon.
#pragma once

#include <string>

#include "agent/drivers/bird/reply.h"
#include "common/base/fd.h"
#include "common/net/limit.h"

namespace lockstep::agent::drivers::bird {

enum class Access { kRead, kChange };

class ControlSession {
 public:
  // Connects, reads the greeting and, to read, gives up the right to change anything (`restrict`).
  // `limit` is for the whole session and must outlive it.
  static Result<ControlSession> Open(const std::string& socket_path, const net::Limit& limit,
                                     Access access = Access::kRead);

  // One command, without a newline, and whatever BIRD says to it.
  Result<Reply> AskAnything(const std::string& command);
  // The same, but a reply of 8xxx or 9xxx is an error with BIRD's words.
  Result<Reply> Ask(const std::string& command);

  // "BIRD 2.0.12 ready."
  const std::string& greeting() const { return greeting_; }

 private:
  ControlSession(Fd socket, const net::Limit& limit) : socket_(std::move(socket)), limit_(&limit) {}
  Result<Reply> ReadReply();

  Fd socket_;
  const net::Limit* limit_;
  std::string greeting_;
};

}  // namespace lockstep::agent::drivers::bird
