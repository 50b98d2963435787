// What the publisher tells of itself: how far a rollout is, what is proved.
#include <algorithm>
#include <iterator>
#include <utility>

#include "controller/publish/publisher.h"

namespace lockstep::controller::publish {

const planner::Plan* Publisher::FindServedByAll() const {
  if (active_ || !stable_) return nullptr;
  for (const auto& [name, live] : fleet_.nodes()) {
    if (live.node.banned || !live.CountsAsAnnouncing()) continue;
    if (!live.connected || AppliedBy(name) != stable_->generation.number) return nullptr;
  }
  return stable_->plan.get();
}

const Release* Publisher::FindApplied(const NodeName& node) const {
  const uint64_t applied = AppliedBy(node);
  if (applied == 0) return nullptr;
  if (active_ && active_->release.generation.number == applied) return &active_->release;
  return stable_ && stable_->generation.number == applied ? &*stable_ : nullptr;
}

const planner::ServedCertificate* Publisher::FindServed(const Hostname& host) const {
  if (!stable_) return nullptr;
  for (const auto& served : stable_->plan->served) {
    if (served.host == host) return &served;
  }
  return nullptr;
}

std::optional<Publisher::Progress> Publisher::FindProgress() const {
  if (!active_) return std::nullopt;
  Progress progress;
  progress.generation = active_->release.generation;
  progress.wave = active_->rollout.wave();
  progress.waves = active_->rollout.waves();
  progress.released = active_->rollout.released();
  for (const NodeName& node : progress.released) {
    const fleet::LiveNode* live = fleet_.Find(node);
    if (live == nullptr || pusher_.AppliedBy(node) != progress.generation.number) continue;
    const barrier::Verdict verdict = active_->changed.Judge(*live, fleet_);
    if (verdict.open) progress.proved.insert(node);
    if (verdict.missing.empty()) continue;
    progress.lacking[node] = verdict.missing.front();
    progress.problem = verdict.missing.front();
  }
  return progress;
}

barrier::Verdict Publisher::JudgeFleet() const {
  const Targets stable = stable_ ? Targets::AllOf(*stable_->plan) : Targets();
  const Targets active = active_ ? Targets::AllOf(*active_->release.plan) : Targets();
  barrier::Verdict all;
  for (const auto& [name, live] : fleet_.nodes()) {
    if (!live.CountsAsAnnouncing()) continue;
    // Halfway through a rollout nodes rightly serve different generations.
    const bool released = active_ && active_->rollout.released().contains(name);
    if (!released && !stable_) continue;
    barrier::Verdict one = (released ? active : stable).Judge(live, fleet_);
    ++all.members;
    all.proved += one.proved;
    std::ranges::move(one.missing, std::back_inserter(all.missing));
    std::ranges::move(one.stragglers, std::back_inserter(all.stragglers));
    std::ranges::move(one.ask_witness, std::back_inserter(all.ask_witness));
  }
  all.open = all.members > 0 && all.proved == all.members;
  return all;
}

}  // namespace lockstep::controller::publish
