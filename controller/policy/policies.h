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
  bool force = false;     // although it takes away what clients were promised
};
struct Applied {
  bool changed = false;
  std::vector<std::string> warnings;  // names that do not exist; what breaks, if forced
};

// What a policy would take away although clients may go on trying it.
struct Breach {
  std::string reason;   // why it has to wait, and for how long
  std::string outcome;  // what breaks otherwise
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
  // `breaches`: what was promised to clients and the policy would break. Unset: nothing ever is.
  void CheckPromises(std::function<std::vector<Breach>(const model::EdgePolicy&)> breaches);

  const model::EdgePolicy& policy() const { return policy_; }
  // When it was applied; nothing if never.
  std::optional<WallTime> applied_at() const { return applied_at_; }
  FleetFacts facts() const { return facts_(); }

  // `done` on the state strand, after `changed`. INVALID_ARGUMENT for a file with errors;
  // FAILED_PRECONDITION for what a node cannot honour, and unless
  // forced for what was promised.
  void Apply(const ApplyRequest& request, std::function<void(Result<Applied>)> done);

 private:
  Status CheckBreaches(const model::EdgePolicy& wanted, bool force,
                       std::vector<std::string>* warnings) const;

  store::Database& database_;
  task::Executor& state_;
  model::EdgePolicy policy_;
  std::optional<WallTime> applied_at_;
  bool storing_ = false;
  std::function<FleetFacts()> facts_ = [] { return FleetFacts(); };
  std::function<std::vector<Breach>(const model::EdgePolicy&)> breaches_ = [](const auto&) {
    return std::vector<Breach>();
  };
  std::function<void(const std::string&)> changed_ = [](const std::string&) {};
};

}  // namespace lockstep::controller::policy
