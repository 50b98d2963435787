#include "common/net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace lockstep::net {
namespace {

Result<Fd> OpenBound(const Endpoint& target, int type, const std::optional<IpAddress>& source) {
  Fd socket(::socket(target.address.is_v6() ? AF_INET6 : AF_INET,
                     type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return FromErrno(errno, "open a socket");
  if (!source) return socket;
  if (source->family() != target.address.family()) {
    return InvalidArgument("source address " + source->ToString() + " and target " +
                           target.ToString() + " are of different families");
  }
  // The port is chosen at connect, by the whole 4-tuple: a bind would take one of the address's
  // 28,000 for each socket.
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_storage address;
  const socklen_t length = Endpoint{*source, 0}.ToSockaddr(&address);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
    return FromErrno(errno, "bind to source address " + source->ToString());
  }
  return socket;
}

std::string ConnectTo(const Endpoint& target) { return "connect to " + target.ToString(); }

}  // namespace

Result<Fd> ConnectTcp(const Endpoint& target, const std::optional<IpAddress>& source,
                      const Limit& limit) {
  LS_ASSIGN_OR_RETURN(Fd socket, OpenBound(target, SOCK_STREAM, source));
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_storage address;
  const socklen_t length = target.ToSockaddr(&address);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length) == 0) return socket;
  if (errno != EINPROGRESS) return FromErrno(errno, ConnectTo(target));
  if (const Status waited = limit.WaitFor(socket.get(), POLLOUT); !waited.ok()) {
    return waited.Prefixed(ConnectTo(target));
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return FromErrno(error, ConnectTo(target));
  return socket;
}

Result<Fd> ConnectUdp(const Endpoint& target, const std::optional<IpAddress>& source) {
  LS_ASSIGN_OR_RETURN(Fd socket, OpenBound(target, SOCK_DGRAM, source));
  sockaddr_storage address;
  const socklen_t length = target.ToSockaddr(&address);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
    return FromErrno(errno, ConnectTo(target));
  }
  return socket;
}

Result<Endpoint> LocalEndpoint(const Fd& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(socket.get(), generic, &length) != 0) return FromErrno(errno, "getsockname");
  LS_ASSIGN_OR_RETURN(const IpAddress ip, IpAddress::FromSockaddr(generic));
  // The port lies at the same place in both families.
  return Endpoint{ip, ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port)};
}

Status SendAll(const Fd& socket, std::string_view bytes, const Limit& limit) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      LS_RETURN_IF_ERROR(limit.WaitFor(socket.get(), POLLOUT));
    } else if (errno != EINTR) {
      return FromErrno(errno, "send");
    }
  }
  return Status::Ok();
}

Result<size_t> Receive(const Fd& socket, char* buffer, size_t size, const Limit& limit) {
  while (true) {
    LS_RETURN_IF_ERROR(limit.WaitFor(socket.get(), POLLIN));
    const ssize_t received = ::recv(socket.get(), buffer, size, 0);
    if (received >= 0) return static_cast<size_t>(received);
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      return FromErrno(errno, "receive");
    }
  }
}

}  // namespace lockstep::net
