#include "controller/app/domain.h"

#include <set>

#include "controller/app/version.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::controller::app {
namespace {

witness::RehearsalOptions RehearsalOptionsOf(const Config& config) {
  witness::RehearsalOptions out;
  out.mode = config.rehearsal;
  out.service_addresses = config.fleet.service_addresses;
  out.ca_domain = config.acme.caa_domain;
  // Part of the barrier's time: what is left after it must be enough to say why it failed.
  out.deadline = config.barrier.deadline / 2;
  return out;
}

publish::Publisher::Options PublisherOptionsOf(const Config& config) {
  return {config.rollout.waves, {config.rollout.soak, config.rollout.wave_deadline}};
}

certs::OrderLimits OrderLimitsOf(const Config& config) {
  return {config.acme.order_deadline, config.barrier.deadline, config.rollout.deadline,
          config.barrier.policy};
}

challenges::Challenges::Options ChallengeOptionsOf(const Config& config) {
  challenges::Challenges::Options out;
  out.lease = config.barrier.lease;
  return out;
}

// Where nothing is said: where it listens is an address of its own.
std::vector<IpAddress> LooksFrom(const Config::Listen& listen) {
  if (!listen.looks_from.empty()) return listen.looks_from;
  std::set<IpAddress> out;
  for (const Endpoint& endpoint : {listen.agents, listen.enroll}) {
    if (!endpoint.address.IsUnspecified()) out.insert(endpoint.address);
  }
  return {out.begin(), out.end()};
}

// Nothing waits for lint: what a server does not say soon it is not asked for long.
dns::Config LintResolverConfigOf(const Config& config) {
  dns::Config out;
  out.servers = config.dns_servers;
  out.timeout = Seconds(1);
  out.deadline = Seconds(3);
  return out;
}

// The account that the fleet knows already, so that a restart alone changes nothing.
std::string ThumbprintIn(const snapshot::Snapshot& shared) {
  const auto* entry = shared.Find({"fleet", "fleet"});
  types::v1::FleetSettings fleet;
  if (entry == nullptr || !fleet.ParseFromString(*entry->body)) return "";
  return fleet.account_thumbprint();
}

}  // namespace

Domain::Domain(const Config& config, const identity::FleetCa& ca, store::Database& database,
               task::Executor& state, task::WorkerPool& workers, certs::CertIssuer& issuer,
               Past past)
    : journal(database, state),
      fleet({config.fleet.service_addresses, config.fleet.heartbeat, kVersion}, database, state,
            journal),
      enrollment(ca, database, state, fleet, journal),
      sites(database, state, std::move(past.sites)),
      policies(database, state, std::move(past.policy), past.policy_applied_at),
      key_ring(database, state, journal, std::move(past.quic_keys)),
      challenges(ChallengeOptionsOf(config), past.start_ordinal, database, state, fleet),
      observer(state.clock(), {}, config.listen.looks_from),
      witnesses({}, state, fleet, workers, observer),
      resolver({config.dns_servers}),
      rehearsal(RehearsalOptionsOf(config), resolver),
      publisher(PublisherOptionsOf(config), ca, past.epoch, database, state, fleet, witnesses,
                journal, *this),
      step_watch(state, fleet, publisher, witnesses),
      promises(config.alt_svc, database, state, journal, fleet, witnesses, publisher,
               std::move(past.promises), std::move(past.keeping)),
      lint_resolver(LintResolverConfigOf(config)),
      linter({}, {fleet, publisher, policies, promises, sites}, lint_resolver, workers, state,
             journal),
      book(database, state),
      orders({config.acme.parallel, OrderLimitsOf(config)},
             {state, fleet, challenges, witnesses, rehearsal, publisher, book, issuer, workers},
             database, journal),
      renewals(database, state, book, orders, journal),
      version(kVersion),
      started_at(state.clock().Now()),
      epoch_counter(past.epoch.counter),
      pull_challenges_(config.barrier.policy.straggler == barrier::Policy::Straggler::kPull),
      looks_from_(LooksFrom(config.listen)),
      leftovers_(std::move(past.open_orders)) {
  if (past.published.stable != nullptr) {
    account_thumbprint_ = ThumbprintIn(past.published.stable->shared);
  }
  fleet.Load(std::move(past.nodes), std::move(past.proofs), past.epoch);
  book.Load(std::move(past.certificates));
  renewals.Load(std::move(past.renewals));
  publisher.Load(std::move(past.published));
  // A returning node is told of live challenges before anything else.
  fleet.AddObserver(&challenges);
  // A fallback to older content is booked before anything newer is pushed.
  fleet.AddObserver(&promises);
  fleet.AddObserver(&publisher);
  fleet.AddObserver(&witnesses);
  fleet.AddObserver(&orders);
  publisher.AddObserver(&orders);
  publisher.AddObserver(&promises);
  publisher.AddObserver(&linter);
  publisher.SetBookkeeper(&promises);
  sites.OnChange([this](const std::string& cause) { Changed(cause); });
  policies.Serve([this] { return GetFacts(); },
                 [this](const std::string& cause) { Changed(cause); });
  policies.CheckPromises(
      [this](const model::EdgePolicy& wanted) { return promises.BreachesOf(wanted); });
}

void Domain::Start(link::AgentLink& agent_link) {
  fleet.SetLink(&agent_link);
  orders.FailLeftovers(std::move(leftovers_));
  renewals.Start();
  step_watch.Start();
  key_ring.Start(
      [this](const model::QuicKeys& keys) {
        const planner::Plan* plan = publisher.FindServedByAll();
        return plan != nullptr && planner::CarriesQuicKeys(*plan, keys);
      },
      [this](const std::string& cause) { Changed(cause); });
  promises.Start({[this] {
                    std::vector<std::string> names;
                    for (const auto& [name, site] : sites.sites()) names.push_back(name);
                    return names;
                  },
                  [this]() -> const model::EdgePolicy& { return policies.policy(); }},
                 [this](const std::string& cause) { Changed(cause); });
  journal.Info("controller.started", "controller", "version " + version);
  Changed("the controller started");
}

void Domain::SetAccountThumbprint(const std::string& thumbprint) {
  if (thumbprint == account_thumbprint_) return;
  account_thumbprint_ = thumbprint;
  Changed("the ACME account is known");
}

void Domain::Changed(const std::string& cause) {
  linter.OnPlanned();
  const auto changed = publisher.Changed(cause);
  if (!changed.ok()) journal.Error("generation.refused", cause, changed.status().message());
}

policy::FleetFacts Domain::GetFacts() const {
  policy::FleetFacts facts;
  facts.service_addresses = fleet.service_addresses();
  for (const auto& [name, live] : fleet.nodes()) {
    if (!live.node.banned) facts.nodes.push_back({live.node, live.capabilities});
  }
  for (const auto& [name, site] : sites.sites()) facts.sites.push_back(name);
  return facts;
}

planner::DesiredState Domain::GetDesired() const {
  planner::DesiredState out;
  out.service_addresses = fleet.service_addresses();
  out.account_thumbprint = account_thumbprint_;
  out.pull_challenges = pull_challenges_;
  out.controller_addresses = looks_from_;
  out.nodes = fleet.EnrolledNodes();
  out.sites = sites.List();
  out.certificates = book.List();
  out.policy = policies.policy();
  out.quic_keys = key_ring.keys();
  out.alt_svc = promises.Values();
  return out;
}

}  // namespace lockstep::controller::app
