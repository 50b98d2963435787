// SiteStore: the sites as operators applied them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "controller/model/site.h"

namespace lockstep::controller::store {

class SiteStore {
 public:
  virtual ~SiteStore() = default;
  virtual Result<std::optional<model::Site>> Find(const std::string& name) = 0;
  // By name.
  virtual Result<std::vector<model::Site>> List() = 0;
  // Creates or replaces all of them at once, so that a host may move from one to another.
  // ALREADY_EXISTS, naming both sites, if a host would belong to two.
  virtual Status Put(const std::vector<model::Site>& sites) = 0;
  virtual Status Delete(const std::string& name) = 0;
};

}  // namespace lockstep::controller::store
