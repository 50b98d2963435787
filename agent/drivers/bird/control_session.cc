#include "agent/drivers/bird/control_session.h"

#include <utility>

#include "common/net/socket.h"
#include "common/net/unix_socket.h"

namespace lockstep::agent::drivers::bird {
namespace {

constexpr size_t kMaxReplyBytes = size_t{1} << 20;

}  // namespace

Result<ControlSession> ControlSession::Open(const std::string& socket_path, const net::Limit& limit,
                                            Access access) {
  Result<Fd> socket = net::ConnectUnix(socket_path);
  if (!socket.ok()) return socket.status().Prefixed("bird");
  ControlSession session(*std::move(socket), limit);
  LS_ASSIGN_OR_RETURN(const Reply greeting, session.ReadReply());
  if (greeting.code() != 1) return DataLoss(socket_path + " does not greet as bird does");
  session.greeting_ = greeting.lines.back().text;
  if (access == Access::kChange) return session;
  LS_ASSIGN_OR_RETURN(const Reply restricted, session.Ask("restrict"));
  return session;
}

Result<Reply> ControlSession::AskAnything(const std::string& command) {
  LS_RETURN_IF_ERROR(net::SendAll(socket_, command + "\n", *limit_).Prefixed("bird"));
  return ReadReply();
}

Result<Reply> ControlSession::Ask(const std::string& command) {
  LS_ASSIGN_OR_RETURN(Reply reply, AskAnything(command));
  LS_RETURN_IF_ERROR(reply.ToStatus());
  return reply;
}

Result<Reply> ControlSession::ReadReply() {
  std::string bytes;
  char buffer[16384];
  while (bytes.size() < kMaxReplyBytes) {
    const Result<size_t> got = net::Receive(socket_, buffer, sizeof buffer, *limit_);
    if (!got.ok()) return got.status().Prefixed("bird");
    if (*got == 0) return Unavailable("bird closed the connection");
    bytes.append(buffer, *got);
    // Only a whole line can end a reply.
    if (!bytes.ends_with('\n')) continue;
    LS_ASSIGN_OR_RETURN(std::optional<Reply> reply, ParseReply(bytes));
    if (reply) return *std::move(reply);
  }
  return ResourceExhausted("bird answers more than " + std::to_string(kMaxReplyBytes) + " bytes");
}

}  // namespace lockstep::agent::drivers::bird
