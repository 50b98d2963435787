// TCP and UDP sockets of a client. Non-blocking, close-on-exec, and never the cause of a SIGPIPE.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/fd.h"
#include "common/base/ip.h"
#include "common/net/limit.h"
#include "common/status/status.h"

namespace lockstep::net {

// A TCP connection to `target`, from `source` where given (any port). Errors name the target:
// "connect to 203.0.113.10:443: Connection refused".
Result<Fd> ConnectTcp(const Endpoint& target, const std::optional<IpAddress>& source,
                      const Limit& limit);

// A UDP socket connected to `target`: it takes datagrams from there only, and says so when the
// target's machine answers "port unreachable".
Result<Fd> ConnectUdp(const Endpoint& target, const std::optional<IpAddress>& source);

// The socket's own address.
Result<Endpoint> LocalEndpoint(const Fd& socket);

// Sends all of `bytes` on a connection.
Status SendAll(const Fd& socket, std::string_view bytes, const Limit& limit);

// Waits for bytes and reads up to `size` of them; 0 is the end of the connection (TCP) or an empty
// datagram (UDP).
Result<size_t> Receive(const Fd& socket, char* buffer, size_t size, const Limit& limit);

}  // namespace lockstep::net
