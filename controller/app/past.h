// What a starting controller reads from its database, in one transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/model/certificate.h"
#include "controller/model/edge_policy.h"
#include "controller/model/node.h"
#include "controller/model/promise.h"
#include "controller/model/proof.h"
#include "controller/model/quic_keys.h"
#include "controller/model/site.h"
#include "controller/publish/publisher.h"
#include "controller/store/database.h"

namespace lockstep::controller::app {

struct Past {
  model::Epoch epoch;
  uint64_t start_ordinal = 0;
  std::vector<model::Node> nodes;
  std::vector<model::Site> sites;
  std::vector<model::Certificate> certificates;
  std::vector<model::RenewalState> renewals;
  std::vector<model::Order> open_orders;
  std::vector<model::Proof> proofs;
  model::EdgePolicy policy;
  std::optional<WallTime> policy_applied_at;
  model::QuicKeys quic_keys;
  std::vector<model::SitePromise> promises;
  model::KeepingState keeping;
  publish::PublishedPast published;
};

// Also writes: a first epoch and QUIC keys into a database without them, and this start into the
// list of starts.
Result<Past> ReadPast(store::Database& database, WallTime now);

// Raises the epoch and lifts read-only: this database is the right one, whatever nodes have seen.
// It does not know what was promised since: every node counts as having promised everything.
Status Recover(store::Database& database);

}  // namespace lockstep::controller::app
