// Renewal: a new identity every day, without touching the stream.
#pragma once

#include <stop_token>

#include "agent/session/controller_link.h"
#include "agent/state/identity.h"
#include "common/task/backoff.h"
#include "common/task/executor.h"
#include "common/task/worker_pool.h"

namespace lockstep::agent::session {

// Asks for a certificate over a new key and installs it. UNAUTHENTICATED or FAILED_PRECONDITION if
// the answer is not an identity of this node, of the same CA. Blocks for at most 30 s.
Result<state::Identity> RenewIdentity(ControllerLink& link, state::IdentityStore& store,
                                      const Clock& clock, std::stop_token stop = {});

// Lives on the strand; the call runs on the worker, which is stopped first.
class Renewal {
 public:
  Renewal(task::Executor& strand, task::WorkerPool& worker, ControllerLink& link,
          state::IdentityStore& store, uint64_t jitter_seed);
  void Start();

 private:
  void Check();
  void OnRenewed(const Result<state::Identity>& renewed);

  task::Executor& strand_;
  task::WorkerPool& worker_;
  ControllerLink& link_;
  state::IdentityStore& store_;
  task::Backoff jitter_;
  bool under_way_ = false;  // a controller that is slow to answer is asked once
};

}  // namespace lockstep::agent::session
