// The control socket: where it lies and who may come in.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/fd.h"
#include "common/status/status.h"

namespace lockstep::agent::quicd::control {

// Listens on `path`, in a directory of its own: made 0700 if there is none, and else it must be
// ours and closed to others. The socket is 0660: with a setgid directory the agent's group reaches
// it. A socket that nobody listens on is replaced; ALREADY_EXISTS if somebody does.
Result<Fd> OpenDoor(const std::string& path);

// PERMISSION_DENIED unless the process at the other end has one of `uids`.
Status CheckPeer(int connection, const std::vector<uid_t>& uids);

}  // namespace lockstep::agent::quicd::control
