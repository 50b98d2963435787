#include "agent/apply/apply_queue.h"

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

#include "agent/apply/intake.h"
#include "agent/reconcile/plan.h"
#include "common/log/log.h"
#include "common/look/batch.h"

namespace lockstep::agent::apply {
namespace {

using agent::v1::Ack;

constexpr size_t kShownSweepFailures = 5;

// Without saying anything twice.
void Append(std::vector<std::string>* to, const std::vector<std::string>& from) {
  for (const std::string& text : from) {
    if (std::find(to->begin(), to->end(), text) == to->end()) to->push_back(text);
  }
}

}  // namespace

ApplyQueue::ApplyQueue(Parts parts, ApplyEvents& events, QueueSettings settings)
    : parts_(parts),
      events_(events),
      settings_(settings),
      sweep_(parts.strand, parts.sweeps, parts.observer, settings.look_deadline) {}

void ApplyQueue::Start(std::function<void()> on_ready) {
  on_ready_ = std::move(on_ready);
  inspection_due_ = true;
  if (parts_.wishes != nullptr) {
    if (const auto wish = parts_.wishes->Find()) following_.Recall(*wish);
  }
  follow_due_ = following_.due();
  view_.follow = following_.view();
  ScheduleSweep();
  RunNext();
}

void ApplyQueue::OnPush(agent::v1::Push push) {
  if (pending_) {
    const snapshot::Version waiting = ClaimedVersion(*pending_);
    if (snapshot::Compare(waiting, ClaimedVersion(push)) == snapshot::Standing::kStale) {
      Ack ack;
      ack.set_push_id(push.push_id());
      ack.set_generation(ClaimedVersion(push).generation);
      ack.set_serving_digest(view_.serving.digest);
      ack.set_outcome(Ack::OUTCOME_STALE);
      ack.set_reason(waiting.ToString() + " waits to be applied");
      return events_.OnAck(ack);
    }
  }
  pending_ = std::move(push);
  RunNext();
}

void ApplyQueue::OnProofRequest(const agent::v1::ProofRequest& request) {
  const std::set<std::string> hosts(request.hosts().begin(), request.hosts().end());
  std::vector<Expectation> expectations = Everything();
  if (!hosts.empty()) {
    std::erase_if(expectations, [&](const Expectation& expected) {
      return !hosts.contains(expected.look.host.ascii());
    });
  }
  StartSweep(std::move(expectations));
}

void ApplyQueue::OnWish(const agent::v1::AnnounceWish& wish) {
  if (!following_.Take(wish)) return;
  view_.follow = following_.view();
  comeback_ = Comeback::kNotWanted;
  follow_due_ = true;
  RunNext();
}

void ApplyQueue::OnServerRestarted() {
  if (view_.serving.none()) return;  // the recovery that goes on will find it
  reapply_due_ = true;
  RunNext();
}

void ApplyQueue::OnStreamStarted() {
  if (!last_ack_) return;
  Ack repeated = *last_ack_;
  repeated.set_push_id(0);
  events_.OnAck(repeated);
}

template <typename T>
void ApplyQueue::Run(std::function<T(std::stop_token)> work, std::function<void(T)> done) {
  busy_ = true;
  parts_.worker.Post([this, work = std::move(work), done = std::move(done)](std::stop_token stop) {
    parts_.strand.Post([this, done, result = work(std::move(stop))]() mutable {
      busy_ = false;
      done(std::move(result));
      RunNext();
    });
  });
}

// What is urgent first; a generation that has just been served is inspected like any other.
void ApplyQueue::RunNext() {
  if (busy_) return;
  if (std::exchange(follow_due_, false)) {
    RunFollow();
  } else if (std::exchange(recover_due_, false)) {
    RunRecover();
  } else if (pending_) {
    RunPush(*std::exchange(pending_, std::nullopt));
  } else if (std::exchange(reapply_due_, false)) {
    RunReapply();
  } else if (good_due_) {
    RunMarkGood(*std::exchange(good_due_, std::nullopt));
  } else if (std::exchange(announce_due_, false)) {
    RunAnnounce();
  } else if (std::exchange(inspection_due_, false)) {
    RunInspection();
  }
}

ApplyQueue::Outcome ApplyQueue::Describe(Outcome outcome) const {
  outcome.seen = parts_.applier.generations().seen_manifest();
  outcome.serving = parts_.applier.serving();
  return outcome;
}

void ApplyQueue::RunRecover() {
  Run<Outcome>(
      [this](std::stop_token stop) {
        Outcome outcome;
        outcome.status = parts_.applier.Recover(std::move(stop));
        outcome.served_anew = outcome.status.ok();
        return Describe(std::move(outcome));
      },
      [this](const Outcome& outcome) {
        starting_ = !outcome.status.ok() && outcome.status.code() != Code::kNotFound;
        if (starting_) {
          serving_warnings_ = {"nothing is served: " + outcome.status.message()};
        }
        Finish(outcome);
      });
}

void ApplyQueue::RunPush(agent::v1::Push push) {
  log::Info("apply.push", {{"version", ClaimedVersion(push).ToString()},
                           {"push", push.push_id()},
                           {"upserts", push.upserts_size()},
                           {"removals", push.removals_size()},
                           {"delta", push.base_digest().empty() ? "no" : "yes"}});
  Run<Outcome>(
      [this, push = std::move(push)](std::stop_token stop) {
        Outcome outcome;
        outcome.ack = parts_.applier.Take(push, std::move(stop));
        outcome.served_anew = outcome.ack && outcome.ack->outcome() != Ack::OUTCOME_STALE &&
                              outcome.ack->outcome() != Ack::OUTCOME_NEED_FULL;
        return Describe(std::move(outcome));
      },
      [this](const Outcome& outcome) { Finish(outcome); });
}

void ApplyQueue::Finish(const Outcome& outcome) {
  const std::shared_ptr<const reconcile::Desired> before = view_.desired;
  view_.seen = outcome.seen;
  view_.desired = outcome.serving.desired;
  view_.serving =
      outcome.serving.generation ? outcome.serving.generation->version : snapshot::Version();
  if (outcome.serving.generation) serving_warnings_ = outcome.serving.warnings;
  if (view_.desired && view_.desired != before) {
    comeback_ = Comeback::kNotWanted;
    events_.OnServing(view_.desired);
    StartSoak();
  }
  if (outcome.ack) {
    const Ack& ack = *outcome.ack;
    log::Info("apply.ack", {{"generation", ack.generation()},
                            {"push", ack.push_id()},
                            {"outcome", Ack::Outcome_Name(ack.outcome())},
                            {"observations", ack.observations_size()},
                            {"reason", ack.reason()}});
    if (outcome.served_anew) last_ack_ = ack;
    events_.OnAck(ack);
  }
  if (outcome.served_anew && view_.desired) StartSweep(Background(before.get()));
}

void ApplyQueue::RunReapply() {
  Run<Outcome>(
      [this](std::stop_token) {
        Outcome outcome;
        outcome.status = parts_.applier.Reapply();
        return Describe(std::move(outcome));
      },
      [this](const Outcome& outcome) {
        if (outcome.status.ok()) {
          log::Warning("apply.reapplied", {{"version", view_.serving.ToString()}});
          told_lost_ = false;
          StartSweep(Everything());
        } else {
          log::Error("apply.reapply_failed", {{"error", outcome.status}});
          // The controller's proofs are from before: it hears what is seen now.
          told_lost_ = true;
          StartSweep(Canaries(Everything()));
        }
      });
}

void ApplyQueue::RunMarkGood(snapshot::Version version) {
  Run<Status>(
      [this, version](std::stop_token) { return parts_.applier.MarkLastKnownGood(version); },
      [version](const Status& marked) {
        if (marked.ok()) {
          log::Info("apply.last_known_good", {{"version", version.ToString()}});
        } else {
          log::Error("apply.last_known_good", {{"error", marked}});
        }
      });
}

void ApplyQueue::RunInspection() {
  const std::vector<Expectation> canaries = Canaries(Everything());
  const auto addresses =
      view_.desired ? view_.desired->service_addresses : std::vector<IpAddress>();
  Run<Health>(
      [this, canaries, addresses](std::stop_token stop) {
        Health health;
        health.capabilities = parts_.driver.Capabilities();
        health.warnings = parts_.driver.Inspect();
        if (parts_.announcer != nullptr) {
          parts_.announcer->SetServiceAddresses(addresses);
          health.announce = parts_.announcer->Report();
        }
        if (const Status held = parts_.driver.Ensure(); !held.ok()) {
          health.lost.push_back(held.message());
        }
        for (const Expectation& canary : canaries) {
          std::string failure =
              WhyNot(canary, parts_.observer.Observe(canary.look, settings_.look_deadline, stop));
          if (!failure.empty()) health.lost.push_back(std::move(failure));
        }
        health.stopped = stop.stop_requested();
        return health;
      },
      [this](Health health) { FinishInspection(std::move(health)); });
}

void ApplyQueue::FinishInspection(Health health) {
  if (health.stopped) return;
  view_.capabilities = std::move(health.capabilities);
  view_.announce = std::move(health.announce);
  lost_in_a_row_ = health.lost.empty() ? 0 : lost_in_a_row_ + 1;
  // Restarted, most likely: it gets its configuration back, ever less often while that does not
  // help.
  if (std::has_single_bit(lost_in_a_row_)) {
    log::Warning("apply.lost", {{"why", health.lost.front()}});
    reapply_due_ = true;
  }
  if (health.lost.empty() && told_lost_) {  // back without our doing
    told_lost_ = false;
    StartSweep(Everything());
  }
  // Nothing could be served yet, and the server may have come up since.
  if (view_.serving.none()) recover_due_ = true;
  std::vector<std::string> now = std::move(health.warnings);
  Append(&now, health.lost);
  if (now != health_warnings_) {
    for (const std::string& warning : now) log::Warning("apply.health", {{"warning", warning}});
    if (now.empty()) log::Info("apply.healthy");
  }
  health_warnings_ = std::move(now);
  if (!health_warnings_.empty()) healthy_since_ = parts_.strand.clock().Mono();
  view_.warnings = serving_warnings_;
  Append(&view_.warnings, health_warnings_);
  Append(&view_.warnings, sweep_warnings_);
  follow_due_ = following_.due();
  ConsiderAnnouncing();
  if (on_ready_) std::exchange(on_ready_, nullptr)();
  ScheduleInspection();
}

// A withdrawn node is announced again only once it has proved what it serves and every live
// challenge: clients and validators come at once.
void ApplyQueue::ConsiderAnnouncing() {
  if (!IsWantedBack() || view_.serving.none() || !health_warnings_.empty()) {
    comeback_ = Comeback::kNotWanted;
    return;
  }
  if (comeback_ == Comeback::kNotWanted) {
    StartSweep(Everything());
    comeback_ = Comeback::kLooking;
  } else if (comeback_ == Comeback::kSeen && events_.LaneInStep()) {
    announce_due_ = true;
    comeback_ = Comeback::kNotWanted;
  }
}

bool ApplyQueue::IsWantedBack() const {
  if (view_.follow.withdrawn()) return false;
  if (view_.follow.returning()) return !following_.due();
  return view_.announce.state == AnnounceReport::State::kWithdrawn && view_.announce.wanted;
}

void ApplyQueue::RunAnnounce() {
  const bool returning = view_.follow.returning();
  Run<Status>(
      [this, returning, wish = following_.wish()](std::stop_token) {
        return returning ? Return(wish, parts_.wishes, parts_.announcer)
                         : parts_.announcer->Announce();
      },
      [this, returning](const Status& announced) {
        if (!announced.ok()) return log::Error("apply.not_announced", {{"error", announced}});
        log::Info("apply.announced", {{"version", view_.serving.ToString()}});
        if (!returning || follow_due_) return;  // another wish has come meanwhile
        following_.OnReturned();
        view_.follow = following_.view();
      });
}

void ApplyQueue::RunFollow() {
  struct Tried {
    FollowTry attempt;
    Outcome outcome;
  };
  Run<Tried>(
      [this, wish = following_.wish()](std::stop_token) {
        FollowTry attempt =
            Follow(wish, parts_.wishes, parts_.announcer, parts_.driver, parts_.applier);
        return Tried{std::move(attempt), Describe({})};
      },
      [this, wish = following_.wish()](Tried tried) {
        following_.OnTried(wish, tried.attempt.done, std::move(tried.attempt.notes));
        view_.follow = following_.view();
        Finish(tried.outcome);
      });
}

void ApplyQueue::ScheduleInspection() {
  const bool hurry = starting_ && view_.serving.none() && ++starts_ <= settings_.hurried_starts;
  parts_.strand.PostAfter(hurry ? settings_.retry_start : settings_.inspect_every, [this] {
    inspection_due_ = true;
    RunNext();
  });
}

void ApplyQueue::ScheduleSweep() {
  parts_.strand.Cancel(sweep_timer_);
  sweep_timer_ = parts_.strand.PostAfter(settings_.sweep_every, [this] {
    StartSweep(Everything());
    ScheduleSweep();
  });
}

void ApplyQueue::StartSoak() {
  healthy_since_ = parts_.strand.clock().Mono();
  parts_.strand.Cancel(soak_timer_);
  soak_timer_ = parts_.strand.PostAfter(settings_.soak, [this] { OnSoaked(); });
}

void ApplyQueue::OnSoaked() {
  const Micros healthy_for = parts_.strand.clock().Mono() - healthy_since_;
  if (healthy_for < settings_.soak) {
    soak_timer_ = parts_.strand.PostAfter(settings_.soak - healthy_for, [this] { OnSoaked(); });
    return;
  }
  good_due_ = view_.serving;
  RunNext();
}

void ApplyQueue::StartSweep(std::vector<Expectation> expectations) {
  sweep_warnings_.clear();
  // Another sweep takes the place of the one that the way back waits for.
  if (comeback_ == Comeback::kLooking) comeback_ = Comeback::kNotWanted;
  sweep_.Start(
      view_.serving.generation, std::move(expectations),
      [this](const agent::v1::ProofReport& report, const std::vector<std::string>& failures) {
        for (const std::string& failure : failures) {
          log::Warning("apply.sweep", {{"failure", failure}});
          if (sweep_warnings_.size() < kShownSweepFailures) {
            sweep_warnings_.push_back(failure);
          }
        }
        if (report.complete() && comeback_ == Comeback::kLooking) {
          comeback_ = sweep_warnings_.empty() ? Comeback::kSeen : Comeback::kNotWanted;
        }
        events_.OnProofReport(report);
      });
}

std::vector<Expectation> ApplyQueue::Everything() const {
  if (!view_.desired) return {};
  const reconcile::Changes all = reconcile::CompareDesired(*view_.desired, nullptr);
  reconcile::Looks looks = reconcile::ExpectedLooks(*view_.desired, all);
  std::vector<Expectation> out = Expectations(looks.changed);
  for (Expectation& expected : Expectations(looks.background)) out.push_back(std::move(expected));
  return out;
}

std::vector<Expectation> ApplyQueue::Background(const reconcile::Desired* before) const {
  const reconcile::Changes changes = reconcile::CompareDesired(*view_.desired, before);
  return Expectations(reconcile::ExpectedLooks(*view_.desired, changes).background);
}

}  // namespace lockstep::agent::apply
