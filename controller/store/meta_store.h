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
  friend bool operator==(const Start&, const Start&) = default;
};

// Flags that are known. The value is text for an operator.
inline constexpr char kReadOnlyFlag[] = "read_only";  // why nothing may be changed (law 2)

class MetaStore {
 public:
  virtual ~MetaStore() = default;
  virtual Result<std::optional<model::Epoch>> FindEpoch() = 0;
  // FAILED_PRECONDITION if the counter is lower than the stored one, or the same with another id.
  virtual Status PutEpoch(const model::Epoch& epoch) = 0;

  // Returns its ordinal. ALREADY_EXISTS for an id that is in the list.
  virtual Result<uint64_t> CreateStart(const std::string& id, WallTime started_at) = 0;
  // All there ever were, oldest first.
  virtual Result<std::vector<Start>> ListStarts() = 0;

  virtual Result<std::optional<std::string>> FindFlag(const std::string& name) = 0;
  virtual Status PutFlag(const std::string& name, const std::string& value) = 0;
  // A missing one is fine.
  virtual Status DeleteFlag(const std::string& name) = 0;
};

}  // namespace lockstep::controller::store
