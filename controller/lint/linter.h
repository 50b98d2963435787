// Linter: asks the rules of controller/edge about sites, when an operator wants to know and with
// every rollout. It tells and holds nothing (docs/adr: lint tells).
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/dns/resolver.h"
#include "common/task/executor.h"
#include "common/task/worker_pool.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/journal.h"
#include "controller/lint/dns_answers.h"
#include "controller/lint/known_findings.h"
#include "controller/lint/report.h"
#include "controller/policy/policies.h"
#include "controller/promises/promises.h"
#include "controller/publish/publisher.h"
#include "controller/sites/sites.h"

namespace lockstep::controller::lint {

// What it reads, on the state strand.
struct Rooms {
  const fleet::Fleet& fleet;
  const publish::Publisher& publisher;
  const policy::Policies& policies;
  const promises::Promises& promises;
  const sites::Sites& sites;
};

struct Options {
  // Asking the DNS may take so long: when an operator waits, and for all sites of a rollout.
  Micros dns_for_operator = Seconds(10);
  Micros dns_for_rollout = Seconds(60);
  // Between the end of one look at all sites and the next.
  Micros pause = Seconds(5);
};

// Lives on the state strand. `workers` ask the DNS and the rules, through `resolver`.
class Linter final : public publish::PublishObserver {
 public:
  Linter(Options options, Rooms rooms, const dns::Resolver& resolver, task::WorkerPool& workers,
         task::Executor& state, fleet::Journal& journal);

  // A report for each of these sites that exists, in their order. What is new, or gone, is an event
  // by then.
  using Done = std::function<void(std::vector<Report>)>;
  void Lint(std::vector<std::string> sites, Done done);

  // What is to be served has changed, and goes out: all sites are looked at, as they are planned.
  void OnPlanned();

  // publish::PublishObserver
  void OnProved(const model::Generation&) override { OnPlanned(); }
  void OnRolledBack(const model::Generation&, const std::string&) override { OnPlanned(); }

 private:
  struct Run;

  void Start(std::vector<std::string> sites, Micros dns_budget, Done done);
  void Continue(const std::shared_ptr<Run>& run);
  void LintOne(const std::shared_ptr<Run>& run, size_t place);
  SiteFacts Gather(const model::Site& site) const;
  void Tell(const Report& report);
  void LintAll();

  const Options options_;
  const Rooms rooms_;
  const dns::Resolver& resolver_;
  task::WorkerPool& workers_;
  task::Executor& state_;
  fleet::Journal& journal_;
  KnownFindings known_;
  bool linting_all_ = false;  // or about to
  bool again_ = false;        // something has changed meanwhile
};

}  // namespace lockstep::controller::lint
