// PinnedCa: the fleet's CA, from a handshake with somebody not yet trusted.
#pragma once

#include <stop_token>
#include <string>

#include "agent/session/controller_link.h"
#include "common/crypto/certificate.h"
#include "common/status/status.h"

namespace lockstep::agent::session {

// Shakes hands with the enrolment listener and returns the CA certificate of the chain that it
// shows, if the SHA-256 of that CA's public key is `pin` (base64url) and the chain's leaf is signed
// by it. PERMISSION_DENIED otherwise: whoever answered is not the controller that made the token.
// Nothing is sent beyond the handshake.
Result<crypto::Certificate> FetchPinnedCa(const ControllerAddress& address, const std::string& pin,
                                          Micros deadline, std::stop_token stop = {});

// The decision alone: `chain` is what was shown, leaf first.
Result<crypto::Certificate> FindPinned(const std::vector<crypto::Certificate>& chain,
                                       const std::string& pin);

}  // namespace lockstep::agent::session
