// Rendering: a desired state as the configuration of lockstep-quicd. Pure.
#pragma once

#include <vector>

#include "agent/reconcile/desired.h"
#include "common/base/ip.h"
#include "common/crypto/secret.h"

namespace lockstep::agent::drivers::quicd {

struct RenderSettings {
  Endpoint upstream;         // Caddy's plaintext listener, on loopback
  std::string secret;        // what it lets nobody in without
  crypto::Secret reset_key;  // this node's alone, the same after a restart
  uint16_t port = 443;
  // Where the controller is; it looks at nodes itself when no other node can.
  std::vector<IpAddress> controllers = {};
};

// A serialised Config; the same input gives the same bytes. `desired` has a quic_identity and
// quic_keys.
crypto::Secret RenderConfig(const reconcile::Desired& desired, const RenderSettings& settings);

}  // namespace lockstep::agent::drivers::quicd
