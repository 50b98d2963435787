// A key that is this node's alone: made once, kept over restarts, told to nobody but the local
// server that uses it.
#pragma once

#include <string>

#include "common/crypto/secret.h"
#include "common/status/status.h"

namespace lockstep::agent::state {

// 32 random octets, from a file (0600) that is made if it is not there.
Result<crypto::Secret> LoadOrMakeKey(const std::string& path);

}  // namespace lockstep::agent::state
