#include "agent/apply/sweep.h"

#include <algorithm>
#include <utility>

namespace lockstep::agent::apply {
namespace {

constexpr size_t kSliceLooks = 128;
constexpr Micros kSliceDeadline = std::chrono::minutes(5);

}  // namespace

struct Sweep::Run {
  uint64_t id = 0;
  uint64_t generation = 0;
  std::vector<Expectation> expectations;
  size_t next = 0;  // of the expectations, not looked at yet
  size_t slice = 0;
  OnSlice on_slice;
};

void Sweep::Start(uint64_t generation, std::vector<Expectation> expectations, OnSlice on_slice) {
  auto run = std::make_shared<Run>();
  run->id = ++run_;
  run->generation = generation;
  run->expectations = std::move(expectations);
  run->on_slice = std::move(on_slice);
  Next(std::move(run));
}

void Sweep::Next(std::shared_ptr<Run> run) {
  run->slice = std::min(kSliceLooks, run->expectations.size() - run->next);
  std::vector<look::Look> looks;
  for (size_t i = 0; i < run->slice; ++i) {
    looks.push_back(run->expectations[run->next + i].look);
  }
  look::ObserveAll(pool_, observer_, strand_.clock(), std::move(looks), look_deadline_,
                   strand_.clock().Mono() + kSliceDeadline, [this, run](look::Observations seen) {
                     strand_.Post([this, run, seen = std::move(seen)]() mutable {
                       OnSeen(run, std::move(seen));
                     });
                   });
}

void Sweep::OnSeen(const std::shared_ptr<Run>& run, look::Observations seen) {
  if (run->id != run_) return;
  std::vector<std::string> failures;
  agent::v1::ProofReport report;
  report.set_generation(run->generation);
  for (size_t i = 0; i < seen.size(); ++i) {
    std::string failure = WhyNot(run->expectations[run->next + i], seen[i]);
    if (!failure.empty()) failures.push_back(std::move(failure));
    *report.add_observations() = std::move(seen[i]);
  }
  run->next += run->slice;
  const bool complete = run->next == run->expectations.size();
  report.set_complete(complete);
  run->on_slice(std::move(report), std::move(failures));
  if (!complete && run->id == run_) Next(run);
}

}  // namespace lockstep::agent::apply
