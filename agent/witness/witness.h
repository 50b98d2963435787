// Witness: looks at other nodes when asked, and only says what it saw.
#pragma once

#include <functional>

#include "agent/witness/authorize.h"
#include "common/base/names.h"
#include "common/look/observer.h"
#include "common/task/executor.h"
#include "common/task/worker_pool.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::witness {

struct WitnessSettings {
  Micros look_deadline = Seconds(3);
  // Looks allowed: a bucket of `burst` that fills at `per_second`.
  double burst = 4096;
  double per_second = 512;
};

// Lives on the strand; the looks run on the pool. Stop order: the pool, then the strand, then this.
class Witness {
 public:
  using OnReport = std::function<void(const agent::v1::WitnessReport&)>;

  Witness(task::Executor& strand, task::WorkerPool& looks, look::Observer& observer, NodeName self,
          WitnessSettings settings = {});

  // Every request is answered once, on the strand: with an observation for each target, or with why
  // not.
  void OnRequest(const agent::v1::WitnessRequest& request, const Knowledge& knowledge,
                 OnReport on_report);

 private:
  bool Spend(double looks);

  task::Executor& strand_;
  task::WorkerPool& looks_;
  look::Observer& observer_;
  const NodeName self_;
  const WitnessSettings settings_;
  double tokens_;
  MonoTime filled_at_;
};

}  // namespace lockstep::agent::witness
