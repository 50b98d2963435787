// Policies: the edge policy of the fleet, in memory and stored.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "common/task/executor.h"
#include "controller/model/edge_policy.h"
#include "controller/policy/checks.h"
#include "controller/store/database.h"

namespace lockstep::controller::policy {

struct ApplyRequest {
  std::string text;       // a policy file: it takes the place of the whole policy
  std::string file_name;  // as messages name it
};
struct Applied {
  bool changed = false;
  std::vector<std::string> warnings;  // names that do not exist
};

// Lives on the state strand.
class Policies {
 public:
  // `policy` and `applied_at`: what the store holds.
  Policies(store::Database& database, task::Executor& state, model::EdgePolicy policy,
           std::optional<WallTime> applied_at);

  // `facts`: what a policy is held against. `changed`: another one is stored and is to go out.
  void Serve(std::function<FleetFacts()> facts,
             std::function<void(const std::string& cause)> changed);

  const model::EdgePolicy& policy() const { return policy_; }
  // When it was applied; nothing if never.
  std::optional<WallTime> applied_at() const { return applied_at_; }
  FleetFacts facts() const { return facts_(); }

  // `done` on the state strand, after `changed`. INVALID_ARGUMENT for a file with errors;
  // FAILED_PRECONDITION for what a node cannot honour.
  void Apply(const ApplyRequest& request, std::function<void(Result<Applied>)> done);

 private:
  store::Database& database_;
  task::Executor& state_;
  model::EdgePolicy policy_;
  std::optional<WallTime> applied_at_;
  bool storing_ = false;
  std::function<FleetFacts()> facts_ = [] { return FleetFacts(); };
  std::function<void(const std::string&)> changed_ = [](const std::string&) {};
};

}  // namespace lockstep::controller::policy
