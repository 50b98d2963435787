// Domain: the rooms between the store and the servers, made in their order and tied together.
#pragma once

#include <memory>
#include <string>

#include "common/dns/resolver.h"
#include "common/look/wire_observer.h"
#include "common/task/strand.h"
#include "common/task/worker_pool.h"
#include "controller/app/config.h"
#include "controller/app/past.h"
#include "controller/certs/certificate_book.h"
#include "controller/certs/orders.h"
#include "controller/certs/renewals.h"
#include "controller/challenges/challenges.h"
#include "controller/fleet/enrollment.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/journal.h"
#include "controller/identity/fleet_ca.h"
#include "controller/keys/key_ring.h"
#include "controller/lint/linter.h"
#include "controller/policy/policies.h"
#include "controller/promises/promises.h"
#include "controller/publish/publisher.h"
#include "controller/publish/step_watch.h"
#include "controller/sites/sites.h"
#include "controller/witness/rehearsal.h"
#include "controller/witness/witnesses.h"

namespace lockstep::controller::app {

// Everything in it lives on the state strand. Made before the strand takes work from outside.
class Domain final : private publish::DesiredSource {
 public:
  Domain(const Config& config, const identity::FleetCa& ca, store::Database& database,
         task::Executor& state, task::WorkerPool& workers, certs::CertIssuer& issuer, Past past);

  // The link to agents exists: from now on things may happen. On the state strand.
  void Start(link::AgentLink& agent_link);
  // The ACME account is known: nodes may relay its key authorizations.
  void SetAccountThumbprint(const std::string& thumbprint);

  fleet::Journal journal;
  fleet::Fleet fleet;
  fleet::Enrollment enrollment;
  sites::Sites sites;
  policy::Policies policies;
  keys::KeyRing key_ring;
  challenges::Challenges challenges;
  look::WireObserver observer;
  witness::Witnesses witnesses;
  dns::Resolver resolver;
  witness::Rehearsal rehearsal;
  publish::Publisher publisher;
  publish::StepWatch step_watch;
  promises::Promises promises;
  dns::Resolver lint_resolver;
  lint::Linter linter;
  certs::CertificateBook book;
  certs::Orders orders;
  certs::Renewals renewals;

  const std::string version;
  const WallTime started_at;
  const uint64_t epoch_counter;

 private:
  planner::DesiredState GetDesired() const override;
  void Changed(const std::string& cause);
  policy::FleetFacts GetFacts() const;

  std::string account_thumbprint_;
  const bool pull_challenges_;
  const std::vector<IpAddress> looks_from_;
  std::vector<model::Order> leftovers_;
};

}  // namespace lockstep::controller::app
