// RenewalStore: when each lineage is to be renewed, and how often that failed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "controller/model/certificate.h"

namespace lockstep::controller::store {

class RenewalStore {
 public:
  virtual ~RenewalStore() = default;
  virtual Result<std::optional<model::RenewalState>> Find(const std::string& certificate) = 0;
  // By certificate.
  virtual Result<std::vector<model::RenewalState>> List() = 0;
  // Creates or replaces.
  virtual Status Put(const model::RenewalState& state) = 0;
  // A missing one is fine.
  virtual Status Delete(const std::string& certificate) = 0;
};

}  // namespace lockstep::controller::store
