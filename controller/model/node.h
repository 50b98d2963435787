// Nodes and the tokens by which they join.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/base/names.h"

namespace lockstep::controller::model {

// One enrolled machine, as stored. Liveness is the fleet's, in memory.
struct Node {
  NodeName name;
  PopName pop;
  std::vector<IpAddress> addresses;  // its own unicast addresses, as it said last
  bool banned = false;
  std::string ban_reason;
  std::string identity_serial;  // of its newest certificate, lower-case hex
  WallTime identity_not_after;
  std::string spki_sha256;  // of its key, 32 bytes
  std::string agent_version;
  WallTime enrolled_at;
  friend bool operator==(const Node&, const Node&) = default;
};

struct JoinToken {
  std::string id;  // public
  NodeName node;
  PopName pop;
  std::string secret_sha256;  // 32 bytes: the secret itself is never stored
  WallTime created_at;
  WallTime expires_at;
  std::optional<std::string> used_by_spki_sha256;  // the key that redeemed it
  bool revoked = false;
  friend bool operator==(const JoinToken&, const JoinToken&) = default;
};

}  // namespace lockstep::controller::model
