// MetaStore: the database about itself: its incarnation, the controller's starts, a few flags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/status/status.h"
#include "controller/model/generation.h"

namespace lockstep::controller::store {

// One start of the controller on this database.
struct Start {
  uint64_t ordinal = 0;  // from 1
  std::string id;        // 16 bytes, random
  WallTime started_at;
  // The first number that it may have given to a generation. The start published all from here up
  // to the first of the next start, which is known also when those generations have been pruned.
  uint64_t first_generation = 1;
  friend bool operator==(const Start&, const Start&) = default;
};

// Flags that are known. The value is text for an operator.
inline constexpr char kReadOnlyFlag[] = "read_only";  // why nothing may be changed (law 2)
// The highest epoch counter that a node showed, in decimal: `recover` goes beyond it.
inline constexpr char kSeenEpochFlag[] = "seen_epoch";

class MetaStore {
 public:
  virtual ~MetaStore() = default;
  virtual Result<std::optional<model::Epoch>> FindEpoch() = 0;
  // FAILED_PRECONDITION if the counter is lower than the stored one, or the same with another id.
  virtual Status PutEpoch(const model::Epoch& epoch) = 0;

  // Returns its ordinal; its generations begin after the newest stored one. ALREADY_EXISTS for an
  // id that is in the list.
  virtual Result<uint64_t> CreateStart(const std::string& id, WallTime started_at) = 0;
  // All there ever were, oldest first.
  virtual Result<std::vector<Start>> ListStarts() = 0;

  virtual Result<std::optional<std::string>> FindFlag(const std::string& name) = 0;
  virtual Status PutFlag(const std::string& name, const std::string& value) = 0;
  // A missing one is fine.
  virtual Status DeleteFlag(const std::string& name) = 0;
};

}  // namespace lockstep::controller::store
