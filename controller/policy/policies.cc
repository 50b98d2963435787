#include "controller/policy/policies.h"

#include <utility>

#include "controller/policy/policy_file.h"

namespace lockstep::controller::policy {

Policies::Policies(store::Database& database, task::Executor& state, model::EdgePolicy policy,
                   std::optional<WallTime> applied_at)
    : database_(database), state_(state), policy_(std::move(policy)), applied_at_(applied_at) {}

void Policies::Serve(std::function<FleetFacts()> facts,
                     std::function<void(const std::string&)> changed) {
  facts_ = std::move(facts);
  changed_ = std::move(changed);
}

void Policies::CheckPromises(
    std::function<std::vector<Breach>(const model::EdgePolicy&)> breaches) {
  breaches_ = std::move(breaches);
}

Status Policies::CheckBreaches(const model::EdgePolicy& wanted, bool force,
                               std::vector<std::string>* warnings) const {
  std::string reasons;
  for (const Breach& breach : breaches_(wanted)) {
    reasons += (reasons.empty() ? "" : "\n") + breach.reason;
    if (force) warnings->push_back(breach.outcome);
  }
  return reasons.empty() || force ? Status::Ok() : FailedPrecondition(reasons);
}

void Policies::Apply(const ApplyRequest& request, std::function<void(Result<Applied>)> done) {
  if (storing_) return done(Aborted("another policy is being stored at this moment; try again"));
  Result<model::EdgePolicy> wanted = ParsePolicy(request.text, request.file_name);
  if (!wanted.ok()) return done(wanted.status());
  const FleetFacts facts = facts_();
  if (const Status status = CheckPolicy(*wanted, facts); !status.ok()) return done(status);
  Applied applied{*wanted != policy_, UnknownNames(*wanted, facts)};
  if (!applied.changed) return done(std::move(applied));
  if (const Status status = CheckBreaches(*wanted, request.force, &applied.warnings);
      !status.ok()) {
    return done(status);
  }
  storing_ = true;
  const store::StoredPolicy stored{RenderPolicy(*wanted), state_.clock().Now()};
  database_.Run([stored](store::Stores& stores) { return stores.policy.Put(stored); },
                [this, policy = *std::move(wanted), at = stored.applied_at,
                 applied = std::move(applied), done = std::move(done)](const Status& status) {
                  storing_ = false;
                  if (!status.ok()) return done(status);
                  policy_ = policy;
                  applied_at_ = at;
                  changed_("edge policy applied");
                  done(applied);
                },
                state_);
}

}  // namespace lockstep::controller::policy
