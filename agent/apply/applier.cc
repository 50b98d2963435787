#include "agent/apply/applier.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <variant>

#include "agent/apply/intake.h"
#include "agent/reconcile/choice.h"
#include "agent/reconcile/plan.h"
#include "common/log/log.h"
#include "common/look/batch.h"

namespace lockstep::agent::apply {
namespace {

using agent::v1::Ack;

constexpr size_t kShownFailures = 5;

std::string Joined(const std::vector<std::string>& failures) {
  std::string out;
  for (size_t i = 0; i < std::min(failures.size(), kShownFailures); ++i) {
    out += (i == 0 ? "" : "; ") + failures[i];
  }
  if (failures.size() > kShownFailures) {
    out += "; and " + std::to_string(failures.size() - kShownFailures) + " more";
  }
  return out;
}

// False when stopped.
bool Pause(Micros duration, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

std::vector<Expectation> ChangedExpectations(const reconcile::Desired& desired,
                                             const reconcile::Desired* before) {
  const reconcile::Changes changes = reconcile::CompareDesired(desired, before);
  return Expectations(reconcile::ExpectedLooks(desired, changes).changed);
}

}  // namespace

Status Applier::Recover(std::stop_token stop) {
  Status last = NotFound("this node has no generation on disk");
  for (const state::GenerationPtr& generation : seams_.generations.ListServable()) {
    if (stop.stop_requested()) return Cancelled("stopped while starting from disk");
    last = RecoverTo(generation);
    if (last.ok()) return last;
    log::Error("apply.recover_failed",
               {{"version", generation->version.ToString()}, {"error", last}});
    // A server that is not there is no reason to go back: it may be there for the next one.
    if (last.code() == Code::kUnavailable || last.code() == Code::kDeadlineExceeded) return last;
  }
  return last;
}

Status Applier::RecoverTo(const state::GenerationPtr& generation) {
  LS_ASSIGN_OR_RETURN(const reconcile::Desired offered, Offered(*generation));
  Serving serving = Fallback(generation, offered);
  LS_RETURN_IF_ERROR(seams_.driver.Apply(*serving.desired, nullptr));
  serving_ = std::move(serving);
  log::Info("apply.recovered", {{"version", generation->version.ToString()}});
  return Status::Ok();
}

Serving Applier::Fallback(const state::GenerationPtr& generation,
                          const reconcile::Desired& offered) const {
  std::vector<std::pair<reconcile::Desired, bool>> others;  // and whether it was proved
  // What may be started from has been proved; what is held besides was only staged.
  const std::vector<state::GenerationPtr> servable = seams_.generations.ListServable();
  for (const state::GenerationPtr& held : seams_.generations.ListHeld()) {
    Result<reconcile::Desired> desired = reconcile::ParseDesired(held->snapshot);
    if (!desired.ok()) continue;
    const bool proved = std::any_of(
        servable.begin(), servable.end(),
        [&](const state::GenerationPtr& other) { return other->version == held->version; });
    others.emplace_back(*std::move(desired), proved);
  }
  std::vector<reconcile::HeldCertificate> certificates;
  for (const auto& [desired, proved] : others) {
    for (const reconcile::Certificate& certificate : desired.certificates) {
      certificates.push_back({&certificate, proved});
    }
  }
  reconcile::Fallback fallback =
      reconcile::ChooseFallback(offered, certificates, seams_.clock.Now());
  for (const std::string& warning : fallback.warnings) {
    log::Warning("apply.fallback_certificate", {{"warning", warning}});
  }
  return Serving{generation,
                 std::make_shared<const reconcile::Desired>(std::move(fallback.desired)),
                 std::move(fallback.warnings)};
}

std::optional<Ack> Applier::Take(const agent::v1::Push& push, std::stop_token stop) {
  const auto examined =
      Examine(push, seams_.generations.seen(), serving_.generation.get(), seams_.authority);
  if (const auto* declined = std::get_if<Declined>(&examined)) {
    Ack ack = Answer(push, ClaimedVersion(push).generation);
    ack.set_outcome(declined->outcome);
    ack.set_reason(declined->reason);
    return ack;
  }
  const auto& generation = std::get<state::GenerationPtr>(examined);
  // Served already, and somebody asks again: the answer is fresh evidence of everything.
  const bool again = serving_.generation && serving_.generation->version == generation->version;
  Ack ack = Answer(push, generation->version.generation);
  const auto reject = [&](const Status& why) {
    if (!again) seams_.generations.Forget(generation->version);
    ack.set_outcome(Ack::OUTCOME_REJECTED);
    ack.set_reason(why.message());
    return ack;
  };

  Result<Candidate> candidate = Stage(generation, stop);
  if (!candidate.ok()) return reject(candidate.status());
  const reconcile::Desired* before = serving_.desired.get();
  const Status applied =
      WithPatience(stop, [&] { return seams_.driver.Apply(*candidate->desired, before); });
  if (!applied.ok()) return reject(applied.Prefixed(seams_.driver.name()));

  const Proof proof =
      Prove(ChangedExpectations(*candidate->desired, again ? nullptr : before), stop);
  if (proof.stopped) return std::nullopt;
  ack.mutable_observations()->Assign(proof.observations.begin(), proof.observations.end());
  if (!proof.failures.empty()) {
    if (!again) RollBack(*candidate->desired);
    return reject(FailedPrecondition("not proved on the wire: " + Joined(proof.failures)));
  }
  if (const Status marked = seams_.generations.MarkCurrent(generation->version); !marked.ok()) {
    if (!again) RollBack(*candidate->desired);
    return reject(marked.Prefixed("remember what is served"));
  }
  serving_ = Serving{generation, candidate->desired, {}};
  ack.set_serving_digest(generation->version.digest);
  ack.set_outcome(Ack::OUTCOME_APPLIED);
  return ack;
}

// Seen first: from here on nothing older is looked at, whatever becomes of this one.
Result<Applier::Candidate> Applier::Stage(state::GenerationPtr generation, std::stop_token stop) {
  LS_RETURN_IF_ERROR(seams_.generations.MarkSeen(generation->manifest));
  LS_ASSIGN_OR_RETURN(reconcile::Desired desired, Offered(*generation));
  if (desired.node != seams_.authority.node) {
    return InvalidArgument("snapshot is for node " + desired.node.str());
  }
  LS_RETURN_IF_ERROR(seams_.generations.Save(*generation));
  LS_RETURN_IF_ERROR(WithPatience(stop, [&] { return seams_.driver.Check(desired); }));
  return Candidate{std::move(generation),
                   std::make_shared<const reconcile::Desired>(std::move(desired))};
}

Applier::Proof Applier::Prove(const std::vector<Expectation>& expectations, std::stop_token stop) {
  Proof proof;
  proof.observations.resize(expectations.size());
  std::vector<std::string> failures(expectations.size());
  std::vector<size_t> open(expectations.size());
  for (size_t i = 0; i < open.size(); ++i) open[i] = i;
  const MonoTime all_before = seams_.clock.Mono() + settings_.all_looks_deadline +
                              settings_.more_per_look * static_cast<int64_t>(expectations.size());
  for (int round = 0; round < settings_.rounds && !open.empty(); ++round) {
    if (round > 0 && !Pause(settings_.pause, stop)) break;
    std::vector<look::Look> looks;
    for (const size_t i : open) looks.push_back(expectations[i].look);
    std::optional<look::Observations> seen =
        look::ObserveAndWait(seams_.looks, seams_.observer, seams_.clock, std::move(looks),
                             settings_.look_deadline, all_before, stop);
    if (!seen) break;
    std::vector<size_t> still_open;
    for (size_t k = 0; k < open.size(); ++k) {
      const size_t i = open[k];
      failures[i] = WhyNot(expectations[i], (*seen)[k]);
      proof.observations[i] = std::move((*seen)[k]);
      if (!failures[i].empty()) still_open.push_back(i);
    }
    open = std::move(still_open);
  }
  proof.stopped = stop.stop_requested();
  for (const size_t i : open) proof.failures.push_back(failures[i]);
  return proof;
}

template <typename Work>
Status Applier::WithPatience(std::stop_token stop, Work work) const {
  const MonoTime give_up_at =
      seams_.clock.Mono() + settings_.server_pause * int64_t{settings_.server_tries};
  Status status = work();
  for (int tried = 1; status.code() == Code::kUnavailable && tried < settings_.server_tries;
       ++tried) {
    if (seams_.clock.Mono() > give_up_at || !Pause(settings_.server_pause, stop)) break;
    status = work();
  }
  return status;
}

void Applier::RollBack(const reconcile::Desired& failed) {
  if (!serving_.generation) {
    log::Error("apply.rollback_impossible", {{"why", "nothing was served before"}});
    return;
  }
  const Result<reconcile::Desired> offered = Offered(*serving_.generation);
  if (!offered.ok()) return;  // it was parsed before it was served
  Serving fallback = Fallback(serving_.generation, *offered);
  const Status applied = seams_.driver.Apply(*fallback.desired, &failed);
  if (!applied.ok()) {
    log::Error("apply.rollback_failed", {{"error", applied}});
    fallback.warnings.push_back("rollback failed: " + applied.message());
  } else {
    log::Warning("apply.rolled_back", {{"to", serving_.generation->version.ToString()}});
  }
  serving_ = std::move(fallback);
}

Status Applier::Reapply() {
  if (!serving_.desired) return NotFound("nothing is served");
  return seams_.driver.Apply(*serving_.desired, nullptr);
}

Status Applier::RefuseQuic(bool refuse) {
  refuse_quic_ = refuse;
  if (!serving_.desired || serving_.desired->refuse_quic == refuse) return Status::Ok();
  reconcile::Desired desired = *serving_.desired;
  desired.refuse_quic = refuse;
  LS_RETURN_IF_ERROR(seams_.driver.Apply(desired, serving_.desired.get()));
  serving_.desired = std::make_shared<const reconcile::Desired>(std::move(desired));
  return Status::Ok();
}

Result<reconcile::Desired> Applier::Offered(const state::Generation& generation) const {
  LS_ASSIGN_OR_RETURN(reconcile::Desired desired, reconcile::ParseDesired(generation.snapshot));
  desired.refuse_quic = refuse_quic_;
  return desired;
}

Status Applier::MarkLastKnownGood(const snapshot::Version& version) {
  if (!serving_.generation || serving_.generation->version != version) return Status::Ok();
  return seams_.generations.MarkLastKnownGood(version);
}

Ack Applier::Answer(const agent::v1::Push& push, uint64_t generation) const {
  Ack ack;
  ack.set_push_id(push.push_id());
  ack.set_generation(generation);
  if (serving_.generation) ack.set_serving_digest(serving_.generation->version.digest);
  return ack;
}

}  // namespace lockstep::agent::apply
