#include "controller/lint/linter.h"

#include <algorithm>
#include <utility>

#include "controller/lint/sights_of_sites.h"

namespace lockstep::controller::lint {
namespace {

constexpr size_t kAtOnce = 2;  // workers have more to do

Report Judge(SiteFacts facts, const std::vector<DnsAnswer>& answers) {
  AddDns(answers, &facts);
  return {facts.site, edge::Lint(facts.input), std::move(facts.looked_at), std::move(facts.whole),
          std::move(facts.not_looked_at)};
}

std::string TextOf(const edge::LintFinding& finding) {
  std::string out = finding.rule + ": " + finding.what.front();
  if (finding.what.size() > 1) {
    out += " (and " + std::to_string(finding.what.size() - 1) + " more)";
  }
  return out + "; " + finding.harm;
}

// What nodes go on sending until they have what is wanted.
std::optional<edge::AltSvc> ServedBefore(const publish::Publisher& publisher,
                                         const std::string& site, const edge::AltSvc& wanted) {
  if (publisher.stable() == nullptr) return std::nullopt;
  const auto& sites = publisher.stable()->plan->sites;
  const auto served = std::ranges::find(sites, site, &planner::ServedSite::name);
  if (served == sites.end()) return std::nullopt;
  if (served->alt_svc.empty()) {
    return wanted == edge::AltSvc() ? std::nullopt : std::optional(edge::AltSvc());
  }
  const auto value = edge::ParseAltSvc(served->alt_svc);
  if (!value.ok() || *value == wanted) return std::nullopt;
  return *value;
}

}  // namespace

struct Linter::Run {
  std::vector<std::string> sites;
  std::vector<Report> reports;  // as many; those of sites that are gone have no name
  size_t next = 0;
  size_t in_flight = 0;
  MonoTime dns_before;
  Done done;
};

Linter::Linter(Options options, Rooms rooms, const dns::Resolver& resolver,
               task::WorkerPool& workers, task::Executor& state, fleet::Journal& journal)
    : options_(options),
      rooms_(rooms),
      resolver_(resolver),
      workers_(workers),
      state_(state),
      journal_(journal) {}

void Linter::Lint(std::vector<std::string> sites, Done done) {
  Start(std::move(sites), options_.dns_for_operator, std::move(done));
}

void Linter::Start(std::vector<std::string> sites, Micros dns_budget, Done done) {
  auto run = std::make_shared<Run>();
  run->sites = std::move(sites);
  run->reports.resize(run->sites.size());
  run->dns_before = Clock::System().Mono() + dns_budget;
  run->done = std::move(done);
  Continue(run);
}

void Linter::Continue(const std::shared_ptr<Run>& run) {
  while (run->in_flight < kAtOnce && run->next < run->sites.size()) LintOne(run, run->next++);
  if (run->in_flight > 0) return;
  std::erase_if(run->reports, [](const Report& report) { return report.site.empty(); });
  run->done(std::move(run->reports));
}

void Linter::LintOne(const std::shared_ptr<Run>& run, size_t place) {
  const model::Site* site = rooms_.sites.Find(run->sites[place]);
  if (site == nullptr) return;
  ++run->in_flight;
  workers_.Post([this, run, place, facts = Gather(*site),
                 before = run->dns_before](const std::stop_token& stop) mutable {
    const auto answers = AskDns(resolver_, facts.input.hosts, Clock::System(), before, stop);
    Report report = Judge(std::move(facts), answers);
    state_.Post([this, run, place, report = std::move(report)]() mutable {
      --run->in_flight;
      Tell(report);
      run->reports[place] = std::move(report);
      Continue(run);
    });
  });
}

SiteFacts Linter::Gather(const model::Site& site) const {
  Promised promised{rooms_.promises.ValueOf(site.name), std::nullopt};
  promised.before = ServedBefore(rooms_.publisher, site.name, promised.wanted);
  const model::EdgePolicy& policy = rooms_.policies.policy();
  SiteFacts facts = FactsOf(site, promised, policy, rooms_.fleet.EnrolledNodes(),
                            rooms_.fleet.service_addresses(), state_.clock().Now());
  AddSights(rooms_.fleet, rooms_.publisher, policy, &facts);
  return facts;
}

void Linter::Tell(const Report& report) {
  const KnownFindings::News news = known_.Note(report);
  for (const edge::LintFinding& finding : news.found) {
    const bool is_error = finding.severity == edge::LintSeverity::kError;
    journal_.Record(is_error ? model::Severity::kError : model::Severity::kWarning, "lint.found",
                    report.site, TextOf(finding));
  }
  for (const std::string& rule : news.gone) journal_.Info("lint.gone", report.site, rule);
}

void Linter::OnPlanned() {
  again_ = true;
  if (linting_all_) return;
  linting_all_ = true;
  // What has changed is carried on by others before it is looked at.
  state_.Post([this] { LintAll(); });
}

void Linter::LintAll() {
  again_ = false;
  std::vector<std::string> names;
  for (const auto& [name, site] : rooms_.sites.sites()) names.push_back(name);
  known_.Keep({names.begin(), names.end()});
  Start(std::move(names), options_.dns_for_rollout, [this](const std::vector<Report>&) {
    state_.PostAfter(options_.pause, [this] {
      linting_all_ = false;
      if (again_) OnPlanned();
    });
  });
}

}  // namespace lockstep::controller::lint
