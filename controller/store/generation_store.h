// GenerationStore: the numbered snapshots, by the digests of their resources.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/status/status.h"
#include "controller/model/generation.h"

namespace lockstep::controller::store {

class GenerationStore {
 public:
  virtual ~GenerationStore() = default;
  virtual Result<std::optional<model::Generation>> Find(uint64_t number) = 0;
  virtual Result<model::Generation> Get(uint64_t number) = 0;
  virtual Result<std::optional<model::Generation>> FindNewest() = 0;
  // The newest in state kLastKnownGood.
  virtual Result<std::optional<model::Generation>> FindLastKnownGood() = 0;
  // Newest first, at most `limit`, only numbers below `before` unless that is 0. Without resources.
  virtual Result<std::vector<model::Generation>> List(size_t limit, uint64_t before) = 0;
  // FAILED_PRECONDITION unless its number is greater than every one ever created (law 2).
  virtual Status Create(const model::Generation& generation) = 0;
  // Replaces state, problem and ended_at; the rest of a generation never changes.
  virtual Status Update(const model::Generation& generation) = 0;
  // Keeps the newest `keep` (at least 1), the newest last-known-good one and all that have not
  // ended; returns how many went.
  virtual Result<size_t> Prune(size_t keep) = 0;
};

}  // namespace lockstep::controller::store
