// Report: what lint says of one site.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/edge/lint.h"
#include "controller/lint/facts.h"

namespace lockstep::controller::lint {

struct Report {
  std::string site;
  std::vector<edge::LintFinding> findings;
  std::map<Aspect, std::string> looked_at;  // how much of it
  std::set<Aspect> whole;                   // of which nothing is missing
  std::vector<std::string> not_looked_at;   // and why not
};

}  // namespace lockstep::controller::lint
