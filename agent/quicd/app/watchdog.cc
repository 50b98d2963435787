#include "agent/quicd/app/watchdog.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace lockstep::agent::quicd::app {
namespace {

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// 0 if it is no number.
int64_t Number(std::string_view text) {
  int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() ? out : 0;
}

Result<Fd> ConnectTo(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return InvalidArgument("$NOTIFY_SOCKET is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.starts_with('@')) address.sun_path[0] = '\0';  // of the abstract namespace
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return FromErrno(errno, "open a socket");
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    return FromErrno(errno, "reach the service manager at $NOTIFY_SOCKET");
  }
  return socket;
}

}  // namespace

Result<std::unique_ptr<Watchdog>> Watchdog::FromEnvironment(loop::Loop& loop) {
  const int64_t limit = Number(Variable("WATCHDOG_USEC"));
  const std::string_view pid = Variable("WATCHDOG_PID");
  const std::string_view path = Variable("NOTIFY_SOCKET");
  const bool is_us = pid.empty() || Number(pid) == ::getpid();
  if (limit <= 0 || !is_us || path.empty()) return std::unique_ptr<Watchdog>();
  LS_ASSIGN_OR_RETURN(Fd socket, ConnectTo(path));
  // A third: one that is late leaves time for the next.
  std::unique_ptr<Watchdog> out(new Watchdog(loop, std::move(socket), Micros(limit / 3)));
  out->Tell();
  return out;
}

// A manager that does not take it, as while it is reloaded, gets the next one.
void Watchdog::Tell() {
  constexpr std::string_view kAlive = "WATCHDOG=1";
  (void)::send(socket_.get(), kAlive.data(), kAlive.size(), MSG_NOSIGNAL);
  timer_ = loop_.At(loop_.now() + every_, [this] { Tell(); });
}

}  // namespace lockstep::agent::quicd::app
