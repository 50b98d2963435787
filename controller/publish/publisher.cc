#include "controller/publish/publisher.h"

#include <algorithm>
#include <utility>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"
#include "common/log/log.h"

namespace lockstep::controller::publish {
namespace {

// While something is not proved the witnesses are asked again at least this often.
constexpr Micros kRetry = Millis(500);
constexpr size_t kKeptGenerations = 200;
constexpr size_t kMaxCauseBytes = 500;

}  // namespace

Publisher::Publisher(Options options, const identity::FleetCa& ca, model::Epoch epoch,
                     store::Database& database, task::Executor& state, fleet::Fleet& fleet,
                     witness::Witnesses& witnesses, fleet::Journal& journal,
                     const DesiredSource& desired)
    : options_(std::move(options)),
      database_(database),
      state_(state),
      fleet_(fleet),
      witnesses_(witnesses),
      journal_(journal),
      desired_(desired),
      manifests_(ca, std::move(epoch)),
      pusher_(fleet, manifests_),
      judging_(state.clock()) {}

void Publisher::Load(PublishedPast past) {
  start_id_ = past.starts.back().id;
  manifests_.SetStarts(std::move(past.starts));
  for (const model::Generation& generation : past.generations) {
    newest_ = std::max(newest_, generation.number);
    if (generation.state == model::GenerationState::kLastKnownGood && !last_good_) {
      last_good_ = generation;
    }
  }
  manifests_.NoteGiven(newest_);
  read_only_ = std::move(past.read_only_reason);
  if (past.stable != nullptr) {
    stable_ = Release{*past.stable_generation, past.stable};
    ExpectLooksAt(*past.stable);
    for (const auto& [node, terms] : stable_->plan->quic) fleet_.SetQuicTerms(node, terms);
  }
}

void Publisher::ExpectLooksAt(const planner::Plan& plan) {
  std::set<Hostname> hosts;
  std::map<std::string, Hostname> hosts_by_mark;
  const auto add = [&](const planner::Plan& of) {
    for (const auto& served : of.served) hosts.insert(served.host);
    for (const auto& site : of.sites) hosts_by_mark.emplace(site.mark, site.host);
  };
  if (stable_) add(*stable_->plan);
  add(plan);
  fleet_.proofs().ExpectHosts(std::move(hosts));
  fleet_.proofs().ExpectSites(std::move(hosts_by_mark));
}

Result<uint64_t> Publisher::Changed(const std::string& cause) {
  auto carrier = Carry(cause);
  last_carrier_ = carrier.value_or(0);
  return carrier;
}

Result<uint64_t> Publisher::TryAgain(const std::string& cause) {
  if (active_ && active_->is_rollback) {
    return Aborted("generation " + std::to_string(active_->release.generation.number) +
                   " takes a change back at this moment; try again when it has ended");
  }
  if (active_) return pending_ ? pending_->number : active_->release.generation.number;
  LS_ASSIGN_OR_RETURN(const uint64_t carrier, Changed(cause));
  return carrier == proved_generation() ? 0 : carrier;
}

Result<uint64_t> Publisher::Carry(const std::string& cause) {
  if (!read_only_.empty()) return FailedPrecondition("the controller is read-only: " + read_only_);
  LS_ASSIGN_OR_RETURN(planner::Plan plan,
                      planner::MakePlan(desired_.GetDesired(), state_.clock().Now()));
  if (active_ && !ActiveReachesSomebody()) {
    // Nobody is there who has it: the newer content takes its place.
    SetState(active_->release.generation, model::GenerationState::kSuperseded, "");
    active_.reset();
  }
  if (active_) return Wait(cause);
  // After a rollout that did not end well some node may have seen a higher number than the stable
  // one, and takes only what is higher still.
  if (stable_ && stable_->generation.number == newest_ &&
      stable_->plan->Digest() == plan.Digest() &&
      stable_->plan->node_parts.size() == plan.node_parts.size()) {
    return stable_->generation.number;
  }
  return Begin(newest_ + 1, std::move(plan), cause, false);
}

bool Publisher::HasLeft(const NodeName& node) const {
  const fleet::LiveNode* live = fleet_.Find(node);
  return live == nullptr || live->node.banned || !live->suspect.empty();
}

bool Publisher::ActiveReachesSomebody() const {
  const auto& released = active_->rollout.released();
  return !std::all_of(released.begin(), released.end(),
                      [this](const NodeName& node) { return HasLeft(node); });
}

uint64_t Publisher::Wait(const std::string& cause) {
  if (pending_) {
    pending_->cause += "; " + cause;
  } else {
    // The next number is kept for the rollback, should there be one, so that the promise holds.
    pending_ = Pending{newest_ + (active_->is_rollback ? 1 : 2), cause};
  }
  return pending_->number;
}

Rollout Publisher::MakeRollout(const planner::Plan& plan, bool is_rollback) {
  static const planner::Plan kNothing;
  const planner::Plan& before = stable_ ? *stable_->plan : kNothing;
  Rollout::Options rollout = options_.rollout;
  const bool is_same = before.Digest() == plan.Digest();
  if (is_rollback || is_same || planner::OnlyAddsFirstCertificates(before, plan)) {
    rollout.soak = Micros(0);
  }
  // Back to what worked: nobody waits for an earlier wave.
  const auto sizes = is_rollback ? std::vector<planner::WaveSize>() : options_.waves;
  return Rollout(rollout, planner::MakeWaves(fleet_.EnrolledNodes(), sizes), state_.clock().Mono());
}

uint64_t Publisher::Begin(uint64_t number, planner::Plan plan, const std::string& cause,
                          bool is_rollback) {
  model::Generation generation;
  generation.number = newest_ = number;
  generation.epoch_counter = manifests_.epoch().counter;
  generation.start_id = start_id_;
  generation.state = model::GenerationState::kRollingOut;
  generation.cause = cause.substr(0, kMaxCauseBytes);
  generation.created_at = state_.clock().Now();
  generation.digest = plan.shared.Digest();
  for (const auto& [key, entry] : plan.shared.entries()) {
    generation.resources.push_back({key.type, key.name, entry.sha256});
  }
  for (const auto& [key, body] : plan.StoredNodeParts()) {
    generation.resources.push_back({key.type, key.name, crypto::Sha256(*body)});
  }

  Rollout rollout = MakeRollout(plan, is_rollback);
  auto changed = Targets::ChangedBy(stable_ ? *stable_->plan : planner::Plan(), plan);
  ExpectLooksAt(plan);
  Release release{generation, std::make_shared<const planner::Plan>(std::move(plan))};
  active_.emplace(Active{release, std::move(rollout), std::move(changed), {}, is_rollback, false});
  manifests_.NoteGiven(number);
  journal_.Info("generation.created", std::to_string(number), generation.cause);
  Store(generation, release.plan);
  if (active_->rollout.waves() == 0) log::Info("publish.no_nodes", {{"generation", number}});
  return number;
}

void Publisher::Store(const model::Generation& generation, const planner::PlanPtr& plan) {
  store::Transaction book = [](store::Stores&) { return Status::Ok(); };
  if (bookkeeper_ != nullptr) book = bookkeeper_->Book(generation, *plan);
  database_.Run(
      [generation, plan, book](store::Stores& stores) -> Status {
        LS_RETURN_IF_ERROR(book(stores));
        LS_RETURN_IF_ERROR(stores.generations.Create(generation));
        for (const auto& [key, entry] : plan->shared.entries()) {
          LS_RETURN_IF_ERROR(stores.resources.Put(entry.sha256, *entry.body));
        }
        for (const auto& [key, body] : plan->StoredNodeParts()) {
          LS_RETURN_IF_ERROR(stores.resources.Put(crypto::Sha256(*body), *body));
        }
        LS_RETURN_IF_ERROR(stores.generations.Prune(kKeptGenerations).status());
        return stores.resources.Prune().status();
      },
      [this, number = generation.number](const Status& status) { OnStored(number, status); },
      state_);
}

void Publisher::OnStored(uint64_t number, const Status& status) {
  if (!active_ || active_->release.generation.number != number) return;
  if (!status.ok()) {
    // Nothing was pushed: the fleet serves on as it does, and the next change tries again.
    journal_.Error("generation.not_stored", std::to_string(number), status.message());
    const model::Generation generation = active_->release.generation;
    active_.reset();
    for (PublishObserver* observer : observers_) {
      observer->OnRolledBack(generation, status.message());
    }
    return BeginPending();
  }
  active_->stored = true;
  Advance();
}

RolloutFacts Publisher::GatherFacts() {
  RolloutFacts facts;
  facts.now = state_.clock().Mono();
  facts.rejected = active_->rejected;
  for (const NodeName& node : active_->rollout.released()) {
    if (HasLeft(node)) facts.left.insert(node);
  }
  std::vector<model::ProofSubject> ask;
  for (const auto& [name, live] : fleet_.nodes()) {
    // A suspect is told what to serve, and has no say in whether that is good for the others.
    if (!live.connected || live.node.banned || !live.suspect.empty()) continue;
    facts.connected.insert(name);
    const bool applied = pusher_.AppliedBy(name) == active_->release.generation.number;
    if (!live.CountsAsAnnouncing()) {
      // No client reaches it, and perhaps no witness: its own word suffices, and nobody waits for
      // it. What it must prove before it announces again is another matter.
      if (applied) facts.proved.insert(name);
      if (!applied && active_->rollout.released().contains(name)) facts.left.insert(name);
      continue;
    }
    if (!applied) {
      facts.lacking[name] = "it has not acknowledged it";
      continue;
    }
    const barrier::Verdict verdict = active_->changed.Judge(live, fleet_);
    if (verdict.open) {
      facts.proved.insert(name);
      continue;
    }
    facts.lacking[name] = verdict.missing.empty() ? "" : verdict.missing.front();
    ask.insert(ask.end(), verdict.ask_witness.begin(), verdict.ask_witness.end());
  }
  witnesses_.Ask(ask);
  return facts;
}

void Publisher::OnProofsChanged() {
  const Micros wait = judging_.Wait();
  if (wait == Micros(0)) return Advance();
  if (!active_) return;
  state_.Cancel(wake_timer_);
  wake_timer_ = state_.PostAfter(wait, [this] { OnWake(); });
}

void Publisher::Advance() {
  if (!active_ || !active_->stored || !read_only_.empty()) return;
  const RolloutFacts facts = judging_.Run([this] { return GatherFacts(); });
  const Rollout::Step step = active_->rollout.Advance(facts);
  for (const NodeName& node : step.release) pusher_.Push(node, active_->release);
  if (step.proved) return FinishProved();
  if (step.failed) return RollBack(step.problem);
  state_.Cancel(wake_timer_);
  Micros delay = kRetry;
  if (step.wake_at) delay = std::clamp(*step.wake_at - facts.now, Micros(1000), kRetry);
  wake_timer_ = state_.PostAfter(delay, [this] { OnWake(); });
}

void Publisher::OnWake() {
  wake_timer_ = 0;
  Advance();
}

void Publisher::FinishProved() {
  if (stable_ && stable_->generation.state == model::GenerationState::kSoaking) {
    SetState(stable_->generation, model::GenerationState::kSuperseded, "");
  }
  stable_ = active_->release;
  const bool was_rollback = active_->is_rollback;
  active_.reset();
  SetState(stable_->generation, model::GenerationState::kSoaking, "");
  ExpectLooksAt(*stable_->plan);
  if (!was_rollback) failed_digest_.clear();
  const uint64_t number = stable_->generation.number;
  journal_.Info("generation.proved", std::to_string(number), "every node that is there serves it");
  StartSoak(number);
  // A node that came while the rollout ran and is in none of its waves.
  for (const auto& [name, live] : fleet_.nodes()) {
    if (live.connected) PushTarget(name);
  }
  const model::Generation proved = stable_->generation;
  for (PublishObserver* observer : observers_) observer->OnProved(proved);
  BeginPending();
}

void Publisher::StartSoak(uint64_t number) {
  state_.Cancel(soak_timer_);
  soak_timer_ = state_.PostAfter(options_.rollout.soak, [this, number] {
    soak_timer_ = 0;
    if (stable_ && stable_->generation.number == number) BecomeLastKnownGood();
  });
}

void Publisher::BecomeLastKnownGood() {
  // Only now: until its soak is over the one before it is the newest that is known to be good.
  if (last_good_) SetState(*last_good_, model::GenerationState::kSuperseded, "");
  SetState(stable_->generation, model::GenerationState::kLastKnownGood, "");
  last_good_ = stable_->generation;
}

void Publisher::BeginPending() {
  if (active_ || !pending_ || !read_only_.empty()) return;
  const Pending pending = *std::exchange(pending_, std::nullopt);
  auto plan = planner::MakePlan(desired_.GetDesired(), state_.clock().Now());
  if (!plan.ok()) {
    return journal_.Error("generation.refused", pending.cause, plan.status().message());
  }
  if (plan->Digest() == failed_digest_) {
    return journal_.Warning(
        "generation.not_retried", pending.cause,
        "the same content was rolled back a moment ago; change it or apply it again");
  }
  Begin(pending.number, *std::move(plan), pending.cause, false);
}

void Publisher::RollBack(const std::string& problem) {
  const Active failed = std::move(*active_);
  active_.reset();
  const model::Generation& generation = failed.release.generation;
  SetState(generation, model::GenerationState::kRolledBack, problem);
  journal_.Error("generation.rolled_back", std::to_string(generation.number), problem);
  if (failed.is_rollback) {
    // The old content does not work either: change nothing more, a person is needed.
    journal_.Error("generation.rollback_failed", std::to_string(generation.number),
                   "the content before it was refused too; nodes serve what they last had");
  } else {
    failed_digest_ = failed.release.plan->Digest();
    if (stable_) {
      ForgetSitesBefore(failed);
      Begin(newest_ + 1,
            planner::RollbackPlan(*stable_->plan, *failed.release.plan, state_.clock().Now()),
            "rollback of generation " + std::to_string(generation.number), true);
    }
  }
  for (PublishObserver* observer : observers_) observer->OnRolledBack(generation, problem);
  BeginPending();
}

void Publisher::ForgetSitesBefore(const Active& failed) {
  std::set<std::string> marks;
  for (const auto& site : planner::ChangedSites(*failed.release.plan, *stable_->plan)) {
    marks.insert(site.mark);
  }
  fleet_.proofs().ForgetSites(failed.rollout.released(), marks);
}

void Publisher::SetState(model::Generation generation, model::GenerationState state,
                         const std::string& problem) {
  generation.state = state;
  generation.problem = problem;
  if (state != model::GenerationState::kRollingOut) generation.ended_at = state_.clock().Now();
  if (stable_ && stable_->generation.number == generation.number) stable_->generation = generation;
  database_.Run(
      [generation](store::Stores& stores) { return stores.generations.Update(generation); },
      [generation](const Status& status) {
        if (!status.ok()) {
          log::Error("publish.state_not_stored",
                     {{"generation", generation.number}, {"status", status}});
        }
      },
      state_);
}

uint64_t Publisher::TargetOf(const NodeName& node) const {
  if (active_ && active_->rollout.released().contains(node)) {
    return active_->release.generation.number;
  }
  return stable_ && stable_->plan->node_parts.contains(node) ? stable_->generation.number : 0;
}

void Publisher::PushTarget(const NodeName& node) {
  if (!read_only_.empty()) return;
  if (active_ && active_->rollout.released().contains(node)) {
    if (active_->stored) pusher_.Push(node, active_->release);
  } else if (stable_) {
    pusher_.Push(node, *stable_);
  }
}

void Publisher::BecomeReadOnly(const Finding& finding) {
  seen_epoch_ = std::max(seen_epoch_, finding.epoch_counter);
  if (read_only_.empty()) {
    read_only_ =
        finding.why + "; run `lockstep-controller recover` once you know which database is right";
    journal_.Error("controller.read_only", "controller", read_only_);
  }
  database_.Run(
      [why = read_only_, epoch = std::to_string(seen_epoch_)](store::Stores& stores) -> Status {
        LS_RETURN_IF_ERROR(stores.meta.PutFlag(store::kSeenEpochFlag, epoch));
        return stores.meta.PutFlag(store::kReadOnlyFlag, why);
      },
      [](const Status& status) {
        if (!status.ok()) log::Error("publish.flag_not_stored", {{"status", status}});
      },
      state_);
}

Status Publisher::OnHello(fleet::LiveNode& node, const agent::v1::Hello& hello) {
  node.suspect.clear();
  if (!hello.has_seen()) return Status::Ok();
  const Finding finding = manifests_.Recognise(node.node.name, hello.seen());
  switch (finding.what) {
    case Recognition::kOurs:
      break;
    case Recognition::kOlder:
      journal_.Info("node.older_epoch", node.node.name.str(), finding.why);
      break;
    case Recognition::kForged:
      node.suspect = finding.why;
      journal_.Error("node.suspect", node.node.name.str(), finding.why);
      break;
    case Recognition::kUnknown:
      BecomeReadOnly(finding);
      break;
  }
  return Status::Ok();
}

void Publisher::OnConnected(const fleet::LiveNode& node, const agent::v1::Hello& hello) {
  const NodeName& name = node.node.name;
  pusher_.OnConnected(name, hello.serving_digest());
  PushTarget(name);
  if (active_) state_.Post([this] { Advance(); });
  if (hello.serving_generation() == 0) return;
  // "Serving" is no proof, and a new boot voids the old ones: have it look again at everything.
  agent::v1::ControllerMessage message;
  message.mutable_proof_request();
  const Status sent = fleet_.link().Send(name, std::move(message));
  if (!sent.ok())
    log::Warning("publish.proofs_not_asked", {{"node", name.str()}, {"status", sent}});
}

void Publisher::OnAck(const fleet::LiveNode& node, const agent::v1::Ack& ack) {
  if (!read_only_.empty()) return;  // nothing is sent again, and nothing follows from it
  const NodeName& name = node.node.name;
  switch (pusher_.OnAck(name, ack)) {
    case Pusher::Outcome::kNotOurs:
    case Pusher::Outcome::kResent:
      return;
    case Pusher::Outcome::kApplied:
      NoteTerms(name, ack.generation());
      break;
    case Pusher::Outcome::kRejected:
    case Pusher::Outcome::kStale: {
      const std::string reason =
          ack.reason().empty() ? "no reason given" : ack.reason().substr(0, 500);
      journal_.Warning("node.refused_generation", name.str(),
                       "generation " + std::to_string(ack.generation()) + ": " + reason);
      if (active_ && ack.generation() == active_->release.generation.number) {
        active_->rejected[name] = reason;
      }
      break;
    }
  }
  Advance();
}

void Publisher::NoteTerms(const NodeName& node, uint64_t generation) {
  const bool of_active = active_ && generation == active_->release.generation.number;
  const bool of_stable = stable_ && generation == stable_->generation.number;
  if (!of_active && !of_stable) return;
  const planner::Plan& plan = of_active ? *active_->release.plan : *stable_->plan;
  const auto terms = plan.quic.find(node);
  fleet_.SetQuicTerms(node, terms == plan.quic.end() ? nullptr : terms->second);
}

void Publisher::OnNodesChanged(const std::string& cause) {
  const auto changed = Changed(cause);
  if (!changed.ok()) {
    log::Warning("publish.not_changed", {{"cause", cause}, {"status", changed.status()}});
  }
}

void Publisher::OnDisconnected(const fleet::LiveNode&) { Advance(); }

}  // namespace lockstep::controller::publish
