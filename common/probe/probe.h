// Probes: each one call, blocking until an answer, the deadline or the stop. Safe from any thread.
//
// Nothing is verified, cached or retried, nothing followed unasked, and no proxy or environment
// variable is honoured: what comes back is what the endpoint says to a stranger.
#pragma once

#include <stop_token>

#include "common/probe/observation.h"

namespace lockstep::probe {

// One HTTP/1.1 GET on a connection of its own. Redirects are not followed.
HttpObservation HttpGet(const HttpRequest& request, std::stop_token stop = {});

// A TLS 1.2 or 1.3 handshake over TCP, closed at once.
TlsObservation TlsHandshake(const TlsRequest& request, std::stop_token stop = {});

// A QUIC version 1 handshake, closed with H3_NO_ERROR: at once, or after the connection has
// followed the server to its preferred address.
QuicObservation QuicHandshake(const QuicRequest& request, std::stop_token stop = {});

}  // namespace lockstep::probe
