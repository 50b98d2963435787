#include "agent/drivers/caddy/listeners.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stop_token>
#include <string>

#include "common/base/fd.h"
#include "common/net/limit.h"
#include "common/net/socket.h"

namespace lockstep::agent::drivers::caddy {
namespace {

// "0A00000A:01BB": the address as words of 32 bits, each in the machine's own order.
std::string ProcFormOf(const Endpoint& endpoint) {
  const std::string bytes = endpoint.address.Bytes();
  std::string out;
  char hex[16];
  for (size_t i = 0; i < bytes.size(); i += sizeof(uint32_t)) {
    uint32_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof(word));
    std::snprintf(hex, sizeof(hex), "%08X", word);
    out += hex;
  }
  std::snprintf(hex, sizeof(hex), ":%04X", endpoint.port);
  return out + hex;
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

// Asked of /proc: a datagram would tell a closed port from one that is filtered only by waiting,
// and a bind needs a capability that the agent does not have.
bool IsUdpTaken(const Endpoint& endpoint) {
  const std::string wanted = ProcFormOf(endpoint);
  std::ifstream table(endpoint.address.is_v6() ? "/proc/self/net/udp6" : "/proc/self/net/udp");
  std::string number, local, rest;
  while (table >> number >> local && std::getline(table, rest)) {
    if (local == wanted) return true;
  }
  return false;
}

bool AcceptsTcp(const Endpoint& endpoint) {
  const net::Limit limit(Millis(500), std::stop_token());
  return net::ConnectTcp(endpoint, std::nullopt, limit).ok();
}

}  // namespace lockstep::agent::drivers::caddy
