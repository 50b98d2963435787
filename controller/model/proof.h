// Proofs: judged observations on the wire.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/base/names.h"

namespace lockstep::controller::model {

// What is looked at. Values equal types.v1.ProbeKind.
enum class ProbeKind { kChallenge = 1, kTls = 2, kQuic = 3 };

// One thing that must be seen on the wire of one node.
struct ProofSubject {
  NodeName node;
  ProbeKind kind = ProbeKind::kTls;
  Hostname host;
  std::string token;  // challenges only
  IpAddress address;
  bool witnessed = false;  // through the node's own address by another; else local
  friend auto operator<=>(const ProofSubject&, const ProofSubject&) = default;
};

// The last look at a subject.
struct Proof {
  ProofSubject subject;
  std::string observer;  // a node's name, or "controller"
  bool good = false;
  std::string problem;   // why not; empty if good
  std::string seen;      // leaf fingerprint (hex) or body digest (hex): what good means
  std::string boot_id;   // of the subject's agent when it was seen, 16 bytes
  OrderId order;         // challenges only
  Micros elapsed{0};
  WallTime observed_at;
  std::string observation;  // serialised types.v1.Observation, for `order show`
};

}  // namespace lockstep::controller::model
