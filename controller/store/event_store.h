// EventStore: what happened, for operators.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "controller/model/generation.h"

namespace lockstep::controller::store {

class EventStore {
 public:
  virtual ~EventStore() = default;
  // Returns its id: strictly increasing, never given twice, not even after Prune.
  virtual Result<uint64_t> Create(const model::Event& event) = 0;
  // The newest `limit` with an id below `before_id` (0: all) about `subject` (empty: all), oldest
  // first.
  virtual Result<std::vector<model::Event>> List(size_t limit, uint64_t before_id,
                                                 const std::string& subject) = 0;
  // The oldest `limit` with an id above `after_id`, oldest first.
  virtual Result<std::vector<model::Event>> ListAfter(uint64_t after_id, size_t limit) = 0;
  // Keeps the newest `keep`; returns how many went.
  virtual Result<size_t> Prune(size_t keep) = 0;
};

}  // namespace lockstep::controller::store
