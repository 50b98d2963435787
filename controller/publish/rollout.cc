#include "controller/publish/rollout.h"

#include <algorithm>

namespace lockstep::controller::publish {

Rollout::Rollout(Options options, std::vector<std::vector<NodeName>> waves, MonoTime now)
    : options_(options), waves_(std::move(waves)), proving_since_(now) {}

void Rollout::ReleaseConnected(const RolloutFacts& facts, Step* step) {
  for (size_t i = 0; i <= wave_ && i < waves_.size(); ++i) {
    for (const NodeName& node : waves_[i]) {
      if (facts.connected.contains(node) && released_.insert(node).second) {
        step->release.push_back(node);
      }
    }
  }
}

bool Rollout::AllProved(const RolloutFacts& facts) const {
  return std::all_of(released_.begin(), released_.end(), [&](const NodeName& node) {
    return facts.proved.contains(node) || facts.left.contains(node);
  });
}

// Whether anybody at all is there to prove something.
bool Rollout::ReachesSomebody(const RolloutFacts& facts) const {
  return std::any_of(released_.begin(), released_.end(),
                     [&](const NodeName& node) { return !facts.left.contains(node); });
}

void Rollout::Fail(std::string problem, Step* step) {
  phase_ = Phase::kFailed;
  problem_ = std::move(problem);
  step->failed = true;
  step->problem = problem_;
}

bool Rollout::AdvanceProving(const RolloutFacts& facts, Step* step) {
  ReleaseConnected(facts, step);
  const bool last = wave_ + 1 >= waves_.size();
  const bool reaches_somebody = ReachesSomebody(facts);
  if (AllProved(facts) && !(last && !reaches_somebody)) {
    if (last) {
      phase_ = Phase::kProved;
      return true;
    }
    if (!reaches_somebody || options_.soak.count() == 0) {
      ++wave_;
      proving_since_ = facts.now;
      return true;
    }
    phase_ = Phase::kSoaking;
    soak_until_ = facts.now + options_.soak;
    return true;
  }
  const MonoTime deadline = proving_since_ + options_.wave_deadline;
  if (!reaches_somebody) return false;  // nobody is there: wait for somebody
  if (facts.now < deadline) {
    step->wake_at = deadline;
    return false;
  }
  for (const NodeName& node : released_) {
    if (facts.proved.contains(node) || facts.left.contains(node)) continue;
    const auto lacking = facts.lacking.find(node);
    const std::string why = lacking != facts.lacking.end() ? ": " + lacking->second : "";
    Fail("node " + node.str() + " did not prove it within " +
             FormatDuration(options_.wave_deadline) + why,
         step);
    break;
  }
  return false;
}

bool Rollout::AdvanceSoaking(const RolloutFacts& facts, Step* step) {
  if (facts.now < soak_until_) {
    step->wake_at = soak_until_;
    return false;
  }
  // What was proved before the soak must hold after it; a node that is just coming back gets the
  // time of a wave to show it again.
  phase_ = Phase::kProving;
  proving_since_ = facts.now;
  if (AllProved(facts)) ++wave_;
  return true;
}

Rollout::Step Rollout::Advance(const RolloutFacts& facts) {
  Step step;
  for (bool more = true; more;) {
    if (phase_ == Phase::kProving || phase_ == Phase::kSoaking) {
      for (const auto& [node, reason] : facts.rejected) {
        if (!released_.contains(node) || facts.left.contains(node)) continue;
        Fail("node " + node.str() + " refused it: " + reason, &step);
        break;
      }
    }
    switch (phase_) {
      case Phase::kProving:
        more = AdvanceProving(facts, &step);
        break;
      case Phase::kSoaking:
        more = AdvanceSoaking(facts, &step);
        break;
      case Phase::kProved:
        step.proved = true;
        more = false;
        break;
      case Phase::kFailed:
        step.failed = true;
        step.problem = problem_;
        more = false;
        break;
    }
  }
  return step;
}

}  // namespace lockstep::controller::publish
