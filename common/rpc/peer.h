// Who a caller is, by its certificate alone.
#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "common/status/status.h"

namespace lockstep::rpc {

// What the TLS handshake proved. What the caller says of itself is no part of it.
struct PeerIdentity {
  std::string uri;              // the one URI of its certificate: "lockstep://fleet/node/fra1"
  std::string certificate_pem;  // the leaf
};

// UNAUTHENTICATED unless the call came over TLS with a certificate that carries exactly one URI.
Result<PeerIdentity> IdentifyPeer(const grpc::ServerContextBase& context);

// The network address of the caller without its port, for rate limits and logs: "203.0.113.7";
// "unknown" where there is none.
std::string PeerAddress(const grpc::ServerContextBase& context);

}  // namespace lockstep::rpc
