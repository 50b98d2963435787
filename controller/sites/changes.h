// What an apply would change, and whether it may. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "controller/model/site.h"

namespace lockstep::controller::sites {

// By name.
using SiteMap = std::map<std::string, model::Site>;

struct SiteChange {
  enum class Kind { kCreate, kUpdate, kDelete, kUnchanged };
  Kind kind = Kind::kUnchanged;
  std::string site;
  std::vector<std::string> lines;  // "-old" and "+new", of the site as a file says it
  friend bool operator==(const SiteChange&, const SiteChange&) = default;
};

// One for each wanted site in the order given, then the deletions (`replace_all`: what is stored
// and not wanted) by name.
std::vector<SiteChange> Diff(const SiteMap& stored, const std::vector<model::Site>& wanted,
                             bool replace_all);

// `stored` after the changes. ALREADY_EXISTS, naming both sites, if a host would belong to two.
Result<SiteMap> ResultOf(const SiteMap& stored, const std::vector<model::Site>& wanted,
                         bool replace_all);

// Law 3: no sites, or fewer than half of what there was, needs `allowed`. FAILED_PRECONDITION
// otherwise.
Status CheckShrink(size_t before, size_t after, bool allowed);

}  // namespace lockstep::controller::sites
