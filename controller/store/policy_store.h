// PolicyStore: the edge policy, as operators applied it: one document.
#pragma once

#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/status/status.h"

namespace lockstep::controller::store {

struct StoredPolicy {
  std::string text;  // a policy file (controller/policy/policy_file.h)
  WallTime applied_at;
  friend bool operator==(const StoredPolicy&, const StoredPolicy&) = default;
};

class PolicyStore {
 public:
  virtual ~PolicyStore() = default;
  virtual Result<std::optional<StoredPolicy>> Find() = 0;
  // Creates or replaces.
  virtual Status Put(const StoredPolicy& policy) = 0;
};

}  // namespace lockstep::controller::store
