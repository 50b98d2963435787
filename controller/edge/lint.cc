#include "controller/edge/lint.h"

namespace lockstep::controller::edge {

std::vector<LintRule> AllRules() {
  std::vector<LintRule> out;
  for (const auto rules : {PromiseRules(), DnsRules(), QuicRules()}) {
    out.insert(out.end(), rules.begin(), rules.end());
  }
  return out;
}

std::vector<LintFinding> Lint(const LintInput& input) {
  std::vector<LintFinding> out;
  for (const LintRule& rule : AllRules()) {
    auto what = rule.check(input);
    if (!what.empty()) out.push_back({rule.id, rule.severity, rule.harm, std::move(what)});
  }
  return out;
}

}  // namespace lockstep::controller::edge
