#include "agent/drivers/caddy/listeners.h"

#include <sys/socket.h>

#include <cerrno>
#include <stop_token>

#include "common/base/fd.h"
#include "common/net/limit.h"
#include "common/net/socket.h"

namespace lockstep::agent::drivers::caddy {
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

}  // namespace lockstep::agent::drivers::caddy
