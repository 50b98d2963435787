// The capability matrix: what the servers that may own UDP 443 can do of an edge policy. Pure.
#pragma once

#include <string>
#include <vector>

#include "controller/model/edge_policy.h"

namespace lockstep::controller::policy {

enum class Knob {
  kDisableActiveMigration,
  kPreferredAddress,
  kIdleTimeout,
};
inline const char* KnobName(Knob knob) {
  switch (knob) {
    case Knob::kDisableActiveMigration:
      return "disable_active_migration";
    case Knob::kPreferredAddress:
      return "preferred_address";
    case Knob::kIdleTimeout:
      return "idle_timeout";
  }
  return "unknown";
}

struct Capability {
  enum class Kind { kHonoured, kFixed, kNotOffered };
  Kind kind = Kind::kNotOffered;
  std::string value;  // what it is fixed to: "true", "30s"
  friend bool operator==(const Capability&, const Capability&) = default;
};
// "honoured", "fixed to 30s", "not offered".
std::string Describe(const Capability& capability);

// A server and its version, as an agent reports it.
struct Server {
  model::QuicServer kind = model::QuicServer::kCaddy;
  std::string name;  // "caddy/2.6.2"; "caddy" where the version is not known, "nobody" for none
};

// Who would own UDP 443 of a node whose agent reports `capabilities`.
Server ServerOf(model::QuicServer kind, const std::vector<std::string>& capabilities);
// Whether the agent reports lockstep-quicd.
bool HasQuicd(const std::vector<std::string>& capabilities);

// A Caddy of unknown version is taken for the oldest that Lockstep drives.
Capability Look(const Server& server, Knob knob);

}  // namespace lockstep::controller::policy
