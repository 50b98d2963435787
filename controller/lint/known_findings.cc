#include "controller/lint/known_findings.h"

#include <algorithm>

namespace lockstep::controller::lint {

KnownFindings::News KnownFindings::Note(const Report& report) {
  std::set<Aspect> looked_at;
  for (const auto& [aspect, count] : report.looked_at) looked_at.insert(aspect);
  ByRule& known = known_[report.site];
  News out;
  std::set<std::string> present;
  for (const edge::LintFinding& finding : report.findings) {
    present.insert(finding.rule);
    if (!known.contains(finding.rule)) out.found.push_back(finding);
    known[finding.rule] = looked_at;
  }
  std::erase_if(known, [&](const auto& entry) {
    const auto& [rule, had] = entry;
    if (present.contains(rule) || !std::ranges::includes(report.whole, had)) return false;
    out.gone.push_back(rule);
    return true;
  });
  return out;
}

void KnownFindings::Keep(const std::set<std::string>& sites) {
  std::erase_if(known_, [&](const auto& entry) { return !sites.contains(entry.first); });
}

}  // namespace lockstep::controller::lint
