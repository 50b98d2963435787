// Planner: turns sites, certificates and nodes into one snapshot per node: a fleet part that all
// nodes share, and a small node part.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/ip.h"
#include "common/snapshot/snapshot.h"
#include "common/status/status.h"
#include "controller/model/certificate.h"
#include "controller/model/node.h"
#include "controller/model/site.h"

namespace lockstep::controller::planner {

struct DesiredState {
  std::vector<IpAddress> service_addresses;
  std::string account_thumbprint;  // empty before registration
  bool pull_challenges = false;
  std::vector<model::Node> nodes;  // enrolled, not banned
  std::vector<model::Site> sites;
  // The newest revision of each lineage.
  std::vector<model::Certificate> certificates;
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
  friend bool operator==(const ServedSite&, const ServedSite&) = default;
};

// What a generation carries. Immutable once made, shared by everybody who sends it.
struct Plan {
  snapshot::Snapshot shared;  // "fleet", "site" and "certificate" resources
  std::map<NodeName, snapshot::Body> node_parts;
  std::vector<ServedCertificate> served;  // by host
  std::vector<ServedSite> sites;          // by name

  // The shared part and the node's own; NOT_FOUND for a node that the plan does not know.
  Result<snapshot::Snapshot> SnapshotFor(const NodeName& node) const;
};
using PlanPtr = std::shared_ptr<const Plan>;

// FAILED_PRECONDITION naming the two things that do not fit: a host of two sites. Expired and
// revoked certificates are carried only where there is nothing better for a host (law 7).
Result<Plan> MakePlan(const DesiredState& state, WallTime now);

// The plan of a stored generation, from its shared resources, for the nodes of now. DATA_LOSS
// naming a resource that does not parse.
Result<Plan> PlanFromStored(snapshot::Snapshot shared, const std::vector<model::Node>& nodes);

// What to serve instead of `failed`: all that `stable` carries, but for each name the certificate
// of `failed` where the stable one has ended and the newer one has not (law 7).
Plan RollbackPlan(const Plan& stable, const Plan& failed, WallTime now);

// The certificate that every node answers for `host`: among those that cover it the newest one that
// is valid at `now`, else the one that ended last; null if none covers it.
const model::Certificate* ChooseCertificate(const std::vector<model::Certificate>& certificates,
                                            const Hostname& host, WallTime now);

// True if going from `before` to `after` only adds certificates for hosts that had none: such a
// change skips the soak, never the waves.
bool OnlyAddsFirstCertificates(const Plan& before, const Plan& after);

// The hosts whose certificate differs between the two, or that are new.
std::vector<ServedCertificate> ChangedCertificates(const Plan& before, const Plan& after);
// The sites of `after` that `before` did not have just so.
std::vector<ServedSite> ChangedSites(const Plan& before, const Plan& after);

}  // namespace lockstep::controller::planner
