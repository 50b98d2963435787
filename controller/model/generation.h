// Generations, the database's incarnation, and events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"

namespace lockstep::controller::model {

// One incarnation of the database (law 2).
struct Epoch {
  uint64_t counter = 1;
  std::string id;  // 16 bytes
  friend bool operator==(const Epoch&, const Epoch&) = default;
};

enum class GenerationState {
  kQueued = 1,
  kRollingOut = 2,
  kSoaking = 3,
  kLastKnownGood = 4,
  kSuperseded = 5,
  kRolledBack = 6,
};
inline const char* GenerationStateName(GenerationState state) {
  switch (state) {
    case GenerationState::kQueued:
      return "queued";
    case GenerationState::kRollingOut:
      return "rolling out";
    case GenerationState::kSoaking:
      return "soaking";
    case GenerationState::kLastKnownGood:
      return "last known good";
    case GenerationState::kSuperseded:
      return "superseded";
    case GenerationState::kRolledBack:
      return "rolled back";
  }
  return "unknown";
}

// One resource of a generation, by digest: enough to list and to diff, never a body.
struct GenerationResource {
  std::string type;
  std::string name;
  std::string sha256;  // 32 bytes
  friend bool operator==(const GenerationResource&, const GenerationResource&) = default;
};

struct Generation {
  uint64_t number = 0;  // from 1, strictly increasing within an epoch
  uint64_t epoch_counter = 1;
  std::string start_id;  // 16 bytes: the controller's start that published it
  GenerationState state = GenerationState::kQueued;
  std::string cause;
  std::string problem;
  WallTime created_at;
  std::optional<WallTime> ended_at;
  std::string digest;                         // of the part that all nodes share, 32 bytes
  std::vector<GenerationResource> resources;  // of that part
  friend bool operator==(const Generation&, const Generation&) = default;
};

enum class Severity { kInfo = 1, kWarning = 2, kError = 3 };

struct Event {
  uint64_t id = 0;  // given by the store
  WallTime at;
  Severity severity = Severity::kInfo;
  std::string kind;     // "node.connected"
  std::string subject;  // "fra1"
  std::string text;
  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace lockstep::controller::model
