// Planner: turns sites, certificates and nodes into one snapshot per node: a fleet part that all
// nodes share, and a small node part.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ip.h"
#include "common/snapshot/snapshot.h"
#include "common/status/status.h"
#include "controller/model/certificate.h"
#include "controller/model/edge_policy.h"
#include "controller/model/node.h"
#include "controller/model/quic_keys.h"
#include "controller/model/quic_terms.h"
#include "controller/model/site.h"

namespace lockstep::controller::planner {

struct DesiredState {
  std::vector<IpAddress> service_addresses;
  std::string account_thumbprint;  // empty before registration
  bool pull_challenges = false;
  std::vector<IpAddress> controller_addresses = {};  // where its own looks come from
  std::vector<model::Node> nodes;                    // enrolled, not banned
  std::vector<model::Site> sites;
  // The newest revision of each lineage.
  std::vector<model::Certificate> certificates;
  model::EdgePolicy policy;
  std::optional<model::QuicKeys> quic_keys;
  // The whole Alt-Svc value of a site's responses, by the site's name; none for the others.
  std::map<std::string, std::string> alt_svc;
};

// A handshake that every node must answer with just this leaf.
struct ServedCertificate {
  Hostname host;
  std::string lineage;
  std::string leaf_sha256;
  WallTime not_after;
  friend bool operator==(const ServedCertificate&, const ServedCertificate&) = default;
};

// A version of a site that every node must show.
struct ServedSite {
  Hostname host;  // the one of its hosts that is asked
  std::string mark;
  std::string name = {};
  std::string alt_svc = {};
  std::vector<Hostname> secure_hosts = {};  // which have a certificate
  friend bool operator==(const ServedSite&, const ServedSite&) = default;
};

// What a generation carries. Immutable once made, shared by everybody who sends it.
struct Plan {
  // "fleet", "site" and "certificate" resources; "quic_keys" if a node runs lockstep-quicd.
  snapshot::Snapshot shared;
  std::map<NodeName, snapshot::Body> node_parts;
  std::vector<ServedCertificate> served;         // by host
  std::vector<ServedSite> sites;                 // by name
  std::map<NodeName, model::QuicTermsPtr> quic;  // of nodes that the policy has a say in

  // The shared part and the node's own; NOT_FOUND for a node that the plan does not know.
  Result<snapshot::Snapshot> SnapshotFor(const NodeName& node) const;
  // Of all that nodes are told to do: the shared part, and what the policy says of each node.
  std::string Digest() const;
  // The node parts that the policy has a say in, as resources of a stored generation: "node",
  // named like the node. The others follow from the nodes.
  std::map<snapshot::ResourceKey, snapshot::Body> StoredNodeParts() const;
};
using PlanPtr = std::shared_ptr<const Plan>;

// FAILED_PRECONDITION naming the two things that do not fit: a host of two sites, two nodes of one
// id in connection IDs. Expired and
// revoked certificates are carried only where there is nothing better for a host (law 7).
Result<Plan> MakePlan(const DesiredState& state, WallTime now);

// The plan of a stored generation, from its resources, for the nodes of now. DATA_LOSS
// naming a resource that does not parse.
Result<Plan> PlanFromStored(snapshot::Snapshot stored, const std::vector<model::Node>& nodes);

// What to serve instead of `failed`: all that `stable` carries, but for each name the certificate
// of `failed` where the stable one has ended and the newer one has not (law 7).
Plan RollbackPlan(const Plan& stable, const Plan& failed, WallTime now);

// Whether the plan brings nodes just these keys.
bool CarriesQuicKeys(const Plan& plan, const model::QuicKeys& keys);

// The certificate that every node answers for `host`: among those that cover it the newest one that
// is valid at `now`, else the one that ended last; null if none covers it.
const model::Certificate* ChooseCertificate(const std::vector<model::Certificate>& certificates,
                                            const Hostname& host, WallTime now);

// True if going from `before` to `after` only adds certificates for hosts that had none: such a
// change skips the soak, never the waves.
bool OnlyAddsFirstCertificates(const Plan& before, const Plan& after);

// The hosts whose certificate differs between the two, or that are new.
std::vector<ServedCertificate> ChangedCertificates(const Plan& before, const Plan& after);
// And with them those of which some node shows other QUIC parameters, or shows some for the first
// time: the handshakes to look at.
std::vector<ServedCertificate> ChangedHandshakes(const Plan& before, const Plan& after);
// The sites of `after` that `before` did not have just so.
std::vector<ServedSite> ChangedSites(const Plan& before, const Plan& after);

}  // namespace lockstep::controller::planner
