// Sweep: looks at everything that is served, in slices, behind what is urgent.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/apply/proof.h"
#include "common/look/batch.h"
#include "common/task/executor.h"
#include "common/task/worker_pool.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::apply {

// Lives on the strand. A new sweep ends the one under way.
class Sweep {
 public:
  // Called on the strand for each slice; `failures` says what was not as expected.
  using OnSlice =
      std::function<void(agent::v1::ProofReport report, std::vector<std::string> failures)>;

  // All must outlive it; the pool is stopped before the strand is.
  Sweep(task::Executor& strand, task::WorkerPool& pool, look::Observer& observer,
        Micros look_deadline)
      : strand_(strand), pool_(pool), observer_(observer), look_deadline_(look_deadline) {}

  void Start(uint64_t generation, std::vector<Expectation> expectations, OnSlice on_slice);
  void Abandon() { ++run_; }

 private:
  struct Run;
  void Next(std::shared_ptr<Run> run);
  void OnSeen(const std::shared_ptr<Run>& run, look::Observations seen);

  task::Executor& strand_;
  task::WorkerPool& pool_;
  look::Observer& observer_;
  const Micros look_deadline_;
  uint64_t run_ = 0;  // of the sweep that counts
};

}  // namespace lockstep::agent::apply
