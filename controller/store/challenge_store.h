// ChallengeStore: the live challenges of open orders, so that a controller that died in the middle
// of one knows what to take down.
#pragma once

#include <vector>

#include "common/base/names.h"
#include "common/status/status.h"
#include "controller/model/certificate.h"

namespace lockstep::controller::store {

class ChallengeStore {
 public:
  virtual ~ChallengeStore() = default;
  // By order, host, token.
  virtual Result<std::vector<model::Challenge>> List() = 0;
  // Creates or replaces, by (order, host, token).
  virtual Status Put(const std::vector<model::Challenge>& challenges) = 0;
  // All of one order; none is fine.
  virtual Status DeleteOf(const OrderId& order) = 0;
};

}  // namespace lockstep::controller::store
