// OrderStore: the ways from names to certificates, finished ones included.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "common/base/names.h"
#include "common/status/status.h"
#include "controller/model/certificate.h"

namespace lockstep::controller::store {

class OrderStore {
 public:
  virtual ~OrderStore() = default;
  virtual Result<std::optional<model::Order>> Find(const OrderId& id) = 0;
  virtual Result<model::Order> Get(const OrderId& id) = 0;
  // Newest first (by creation, then id), at most `limit`; only those older than `before` if given,
  // which must exist.
  virtual Result<std::vector<model::Order>> List(size_t limit,
                                                 const std::optional<OrderId>& before) = 0;
  // Those that have not ended, oldest first.
  virtual Result<std::vector<model::Order>> ListOpen() = 0;
  virtual Status Create(const model::Order& order) = 0;
  virtual Status Update(const model::Order& order) = 0;
  // Keeps the newest `keep` of those that ended, and all others; returns how many went.
  virtual Result<size_t> Prune(size_t keep) = 0;
};

}  // namespace lockstep::controller::store
