// KnownFindings: what lint has said before, so that only what is new is told. No I/O.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/lint/report.h"

namespace lockstep::controller::lint {

class KnownFindings {
 public:
  struct News {
    std::vector<edge::LintFinding> found;
    std::vector<std::string> gone;  // rules
  };

  // What differs from the reports of the site before. A finding is gone only once all of what
  // had been looked at when it was there was looked at again.
  News Note(const Report& report);

  // Forgets all other sites.
  void Keep(const std::set<std::string>& sites);

 private:
  using ByRule = std::map<std::string, std::set<Aspect>>;  // what had been looked at
  std::map<std::string, ByRule> known_;                    // by site
};

}  // namespace lockstep::controller::lint
