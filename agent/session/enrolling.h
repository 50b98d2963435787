// Enrolment: a join token becomes an identity.
#pragma once

#include "agent/session/controller_link.h"
#include "agent/state/identity.h"
#include "agent/state/join_token.h"
#include "common/base/clock.h"
#include "common/status/status.h"

namespace lockstep::agent::session {

// Checks the CA's pin, then sends the token with a request for our key, and installs what comes
// back. May be run again with the same token after any failure. `address` is the enrolment
// listener's.
Result<state::Identity> Enroll(const ControllerAddress& address, const state::JoinToken& token,
                               state::IdentityStore& store, const Clock& clock);

}  // namespace lockstep::agent::session
