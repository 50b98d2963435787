// Listeners: what can be seen of a server's sockets from the same machine.
#pragma once

#include <span>

#include "common/base/ip.h"
#include "common/status/status.h"

namespace lockstep::agent::drivers::caddy {

// Ok if a server on this machine may listen on each address; FAILED_PRECONDITION naming the one
// that the machine does not have.
Status CheckAddressesAreHere(std::span<const IpAddress> addresses);

// Whether a socket of this network namespace is bound to the endpoint's UDP port and address.
bool IsUdpTaken(const Endpoint& endpoint);

// Whether something accepts TCP connections there.
bool AcceptsTcp(const Endpoint& endpoint);

}  // namespace lockstep::agent::drivers::caddy
