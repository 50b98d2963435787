// What a benchmark pushes: a small fleet's snapshot whose certificate changes with every push, and
// lane sets with one challenge, as serialised ControllerMessages. Both servers send these same
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/snapshot/snapshot.h"

namespace lockstep::bench {

class FleetPayload {
 public:
  // The first generation holds settings, one site and one certificate of `certificate_bytes`.
  explicit FleetPayload(size_t certificate_bytes);

  // The next generation: another certificate of `certificate_bytes`.
  void Advance(size_t certificate_bytes);
  // The next lane set: one challenge, `message_bytes` long on the wire, about.
  void AdvanceLane(size_t message_bytes);

  uint64_t generation() const { return generation_; }
  uint64_t lane_sequence() const { return lane_sequence_; }

  // The push as a delta against the generation before, and whole.
  std::string DeltaPush() const;
  std::string FullPush() const;
  std::string LaneSet() const;
  std::string Welcome() const;

 private:
  std::string Manifest() const;

  snapshot::Snapshot snapshot_;
  snapshot::Delta delta_;
  std::string base_digest_;
  uint64_t generation_ = 1;
  uint64_t lane_sequence_ = 1;
  size_t lane_bytes_ = 0;
};

}  // namespace lockstep::bench
