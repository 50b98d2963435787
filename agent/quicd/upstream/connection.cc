#include "agent/quicd/upstream/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace lockstep::agent::quicd::upstream {
namespace {

// Loopback needs no more, and what a paused response leaves in the kernel is bounded by it.
constexpr int kKernelBuffer = 256 << 10;

bool WouldWait(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(loop::Loop& loop, const Endpoint& target,
                                                     User& user) {
  sockaddr_storage address{};
  const socklen_t length = target.ToSockaddr(&address);
  Fd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return FromErrno(errno, "making a socket");
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kKernelBuffer, sizeof(kKernelBuffer));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kKernelBuffer, sizeof(kKernelBuffer));
  const int connected =
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length);
  if (connected != 0 && errno != EINPROGRESS) {
    return FromErrno(errno, "connect to " + target.ToString());
  }
  std::unique_ptr<Connection> made(new Connection(loop, target, std::move(socket), user));
  LS_RETURN_IF_ERROR(made->Listen(false, true));
  return made;
}

Connection::~Connection() { loop_.Unwatch(socket_.get()); }

Status Connection::Listen(bool readable, bool writable) {
  const uint32_t wanted = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);
  if (wanted == events_) return Status::Ok();
  const uint32_t before = std::exchange(events_, wanted);
  // A watched descriptor always hears errors: a reset nobody wants to read would keep the loop
  // busy.
  if (wanted == 0) {
    loop_.Unwatch(socket_.get());
  } else if (before == 0) {
    return loop_.Watch(socket_.get(), wanted, [this](uint32_t events) { user_->OnReady(events); });
  } else {
    loop_.Change(socket_.get(), wanted);
  }
  return Status::Ok();
}

void Connection::AcknowledgeLater() {
  const int off = 0;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
}

Status Connection::Connected() const {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? Status::Ok() : FromErrno(error, "connect to " + target_.ToString());
}

Result<std::optional<size_t>> Connection::Receive(std::span<uint8_t> into) {
  const ssize_t received = ::recv(socket_.get(), into.data(), into.size(), 0);
  if (received >= 0) return std::optional(static_cast<size_t>(received));
  if (WouldWait(errno)) return std::optional<size_t>();
  return FromErrno(errno, "read from " + target_.ToString());
}

Result<std::optional<size_t>> Connection::Send(std::span<iovec> parts) {
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  if (sent >= 0) return std::optional(static_cast<size_t>(sent));
  if (WouldWait(errno)) return std::optional<size_t>();
  return FromErrno(errno, "write to " + target_.ToString());
}

bool Connection::IsQuiet() const {
  char byte = 0;
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK) < 0 && WouldWait(errno);
}

}  // namespace lockstep::agent::quicd::upstream
