// Checking that a manifest is the controller's word to this node.
#pragma once

#include "common/base/names.h"
#include "common/crypto/certificate.h"
#include "common/snapshot/version.h"
#include "common/status/status.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::agent::state {

// Who this node is and whose word it takes.
struct Authority {
  NodeName node;
  crypto::Certificate ca;
};

// The version that `manifest` names. UNAUTHENTICATED if the fleet's CA did not sign it,
// PERMISSION_DENIED if it was made for another node, INVALID_ARGUMENT if it is not complete.
// The signature is over "lockstep manifest\0" ‖ SHA-256(manifest), so that nothing else that the CA
// signs can pass for a manifest.
Result<snapshot::Version> VerifyManifest(const types::v1::SignedManifest& manifest,
                                         const Authority& authority);

}  // namespace lockstep::agent::state
