// StepWatch: outside of rollouts too, whoever is not seen in step is looked at again.
#pragma once

#include "common/task/executor.h"
#include "controller/fleet/fleet.h"
#include "controller/publish/publisher.h"
#include "controller/witness/witnesses.h"

namespace lockstep::controller::publish {

// A restarted agent, or one whose stream came back, has looked at itself; nobody else has looked at
// it since. Lives on the state strand.
class StepWatch {
 public:
  StepWatch(task::Executor& state, const fleet::Fleet& fleet, const Publisher& publisher,
            witness::Witnesses& witnesses)
      : state_(state), fleet_(fleet), publisher_(publisher), witnesses_(witnesses) {}

  // Looks every few seconds, for as long as the strand runs.
  void Start();

 private:
  void Tick();

  task::Executor& state_;
  const fleet::Fleet& fleet_;
  const Publisher& publisher_;
  witness::Witnesses& witnesses_;
  uint64_t judged_revision_ = 0;  // of the proofs, when nothing was left to ask
  int skipped_ = 0;
};

}  // namespace lockstep::controller::publish
