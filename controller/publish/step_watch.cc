#include "controller/publish/step_watch.h"

namespace lockstep::controller::publish {
namespace {

constexpr Micros kInterval = Seconds(3);
constexpr int kMostSkipped = 20;

}  // namespace

void StepWatch::Start() {
  state_.PostAfter(kInterval, [this] { Tick(); });
}

void StepWatch::Tick() {
  Start();
  // Judging walks the whole fleet: not for nothing. Now and then all the same, since a new boot
  // voids proofs without adding one.
  const uint64_t revision = fleet_.proofs().revision();
  if (revision == judged_revision_ && ++skipped_ < kMostSkipped) return;
  skipped_ = 0;
  const barrier::Verdict verdict = publisher_.JudgeFleet();
  judged_revision_ = verdict.ask_witness.empty() ? revision : 0;
  // Asking is idempotent: what is being looked at, or was a moment ago, is left out.
  witnesses_.Ask(verdict.ask_witness);
}

}  // namespace lockstep::controller::publish
