#include "agent/drivers/caddy/listeners.h"

#include <sys/socket.h>

#include <cerrno>
#include <stop_token>

#include "common/base/fd.h"
#include "common/net/limit.h"
#include "common/net/socket.h"

namespace lockstep::agent::drivers::caddy {
namespace {

// How long a refusal from the same machine may take; it comes within microseconds.
constexpr Micros kRefusalPatience = Millis(10);

// True once a datagram to `endpoint` was refused.
Result<bool> RefusesUdp(const Endpoint& endpoint, const net::Limit& limit) {
  LS_ASSIGN_OR_RETURN(const Fd socket, net::ConnectUdp(endpoint, std::nullopt));
  // One byte is no QUIC packet: a server that is there drops it without an answer.
  if (send(socket.get(), "", 1, MSG_NOSIGNAL) != 1) return errno == ECONNREFUSED;
  pollfd wait{socket.get(), POLLIN, 0};
  LS_ASSIGN_OR_RETURN(const bool ready,
                      limit.WaitUntil(std::span(&wait, 1), limit.Now() + kRefusalPatience));
  if (!ready) return false;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == ECONNREFUSED;
}

}  // namespace

Status CheckAddressesAreHere(std::span<const IpAddress> addresses) {
  for (const IpAddress& address : addresses) {
    const Fd socket(::socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return FromErrno(errno, "socket for " + address.ToString());
    sockaddr_storage storage;
    const socklen_t size = Endpoint{address, 0}.ToSockaddr(&storage);
    if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0) continue;
    if (errno == EADDRNOTAVAIL) {
      return FailedPrecondition("address " + address.ToString() +
                                " is not on this machine; add it to an interface, lo will do");
    }
    return FromErrno(errno, "bind to " + address.ToString());
  }
  return Status::Ok();
}

bool AcceptsTcp(const Endpoint& endpoint) {
  const net::Limit limit(Millis(500), std::stop_token());
  return net::ConnectTcp(endpoint, std::nullopt, limit).ok();
}

Status WaitUntilUdpIsClosed(std::span<const Endpoint> endpoints, Micros budget) {
  const net::Limit limit(budget, std::stop_token());
  for (const Endpoint& endpoint : endpoints) {
    while (true) {
      const Result<bool> closed = RefusesUdp(endpoint, limit);
      if (!closed.ok()) return closed.status().Prefixed("udp " + endpoint.ToString());
      if (*closed) break;
    }
  }
  return Status::Ok();
}

}  // namespace lockstep::agent::drivers::caddy
