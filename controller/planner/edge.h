// From the edge policy to what holds on a node and for a site. Pure.
//
// The rule. Settings of a server come from the node, else its pop, else the fleet; settings of a
// site from the site, else the fleet. Each setting is taken from the most specific level that
// either says it or names a situation it follows from; at one level what is said wins over what
// follows. A connection belongs to a node and a site: it is offered a preferred address only where
// both want one, so that a promise of either not to let clients roam holds.
#pragma once

#include <string>
#include <vector>

#include "common/status/status.h"
#include "controller/model/edge_policy.h"
#include "controller/model/node.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::controller::planner {

// A setting, and for a person which level it comes from: "pop fra", "fleet", "site www, from its
// situation", "default".
template <typename T>
struct Resolved {
  T value{};
  std::string from;
  bool is_asked = false;  // said by an operator, not a consequence of a situation or a default
  friend bool operator==(const Resolved&, const Resolved&) = default;
};

struct NodeEdge {
  Resolved<model::QuicServer> quic_server;
  Resolved<model::Situation> situation;
  Resolved<bool> preferred_address;
  // At most one of each family; also where none is wanted.
  std::vector<model::PreferredAddress> addresses;
};

struct SiteEdge {
  Resolved<model::Situation> situation;
  Resolved<bool> preferred_address;
  Resolved<bool> disable_active_migration;
  Resolved<Micros> idle_timeout;
  Resolved<bool> alt_svc;
  Resolved<Micros> alt_svc_floor;
  Resolved<Micros> alt_svc_ceiling;
};

// What follows from a situation where nobody says otherwise.
struct Consequences {
  bool disable_active_migration = true;
  bool preferred_address = false;
  Micros idle_timeout = Seconds(30);
};
Consequences ConsequencesOf(model::Situation situation);

NodeEdge ResolveNode(const model::EdgePolicy& policy, const model::Node& node);
SiteEdge ResolveSite(const model::EdgePolicy& policy, const std::string& site);

// The node's id in connection IDs: the first 8 octets of SHA-256 of its name.
std::string ServerIdOf(const NodeName& node);
// FAILED_PRECONDITION naming both nodes if two would have the same id.
Status CheckServerIds(const std::vector<std::pair<NodeName, std::string>>& ids);

// The parts of resources that come of it. Unset where it is what nodes do without any policy, so
// that a fleet without one keeps its digests.
void SetNodeEdge(const NodeEdge& edge, types::v1::NodeSettings* settings);
void SetSiteEdge(const SiteEdge& edge, types::v1::Site* site);

}  // namespace lockstep::controller::planner
