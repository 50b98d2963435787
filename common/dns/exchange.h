// One question to one name server.
#pragma once

#include "common/base/ip.h"
#include "common/dns/message.h"
#include "common/net/limit.h"
#include "common/status/status.h"

namespace lockstep::dns {

// Asks over UDP, and over TCP when the answer is truncated. Datagrams that answer something else
// are ignored: somebody may be guessing. The message may hold any rcode; errors name the server.
Result<Message> Exchange(const Endpoint& server, const Query& query, const net::Limit& limit);

}  // namespace lockstep::dns
