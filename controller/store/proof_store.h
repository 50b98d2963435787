// ProofStore: the latest look at each subject, and what proved the certificates of past orders.
#pragma once

#include <cstddef>
#include <vector>

#include "common/base/clock.h"
#include "common/base/names.h"
#include "common/status/status.h"
#include "controller/model/proof.h"

namespace lockstep::controller::store {

class ProofStore {
 public:
  virtual ~ProofStore() = default;
  // All, by subject.
  virtual Result<std::vector<model::Proof>> List() = 0;
  // Those about the challenges of an order, by subject.
  virtual Result<std::vector<model::Proof>> ListOf(const OrderId& order) = 0;
  // Each replaces what is stored about its subject, unless that was observed later.
  virtual Status Put(const std::vector<model::Proof>& proofs) = 0;
  // The good looks at certificates that ended an order, apart from the latest ones; they go with
  // the order, which must exist. Replaces what was kept of it.
  virtual Status Keep(const OrderId& order, const std::vector<model::Proof>& proofs) = 0;
  // By subject.
  virtual Result<std::vector<model::Proof>> ListKept(const OrderId& order) = 0;
  virtual Status DeleteOf(const NodeName& node) = 0;
  // Deletes those observed before `time`; returns how many.
  virtual Result<size_t> Prune(WallTime time) = 0;
};

}  // namespace lockstep::controller::store
