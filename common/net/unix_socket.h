// Unix sockets by path: to listen where nobody else does, to reach who listens, and to know who is
// at the other end.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/fd.h"
#include "common/status/status.h"

namespace lockstep::net {

struct UnixListenOptions {
  mode_t mode = 0600;  // of the socket
  std::optional<gid_t> group = std::nullopt;
  int backlog = 64;
};

// A non-blocking listener. A socket that nobody listens on is replaced; ALREADY_EXISTS if somebody
// does, FAILED_PRECONDITION if `path` is something else, INVALID_ARGUMENT if it is too long (108
// bytes with the end). Whose the directory is, is the caller's to see to.
Result<Fd> ListenUnix(const std::string& path, const UnixListenOptions& options);

// A non-blocking connection. UNAVAILABLE if nobody answers.
Result<Fd> ConnectUnix(const std::string& path);

// The process at the other end, as it was when it connected, or began to listen.
struct LocalPeer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups = {};  // supplementary
};
Result<LocalPeer> PeerOf(int connection);

}  // namespace lockstep::net
