// Proofs: observations on the wire, with the form of the answer judged. Whether what was seen is
// what must be seen is judged where it is asked for (controller/barrier), since that changes.
#pragma once

#include <compare>
#include <map>
#include <string>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/base/names.h"

namespace lockstep::controller::model {

// What is looked at. Values equal types.v1.ProbeKind.
enum class ProbeKind { kChallenge = 1, kTls = 2, kQuic = 3, kSite = 4 };

// A look that shows a certificate.
constexpr bool IsHandshake(ProbeKind kind) {
  return kind == ProbeKind::kTls || kind == ProbeKind::kQuic;
}

// One thing that must be seen on the wire of one node.
struct ProofSubject {
  NodeName node;
  ProbeKind kind = ProbeKind::kTls;
  Hostname host;
  std::string token;  // of a challenge; the mark of a site
  IpAddress address;
  bool witnessed = false;  // through the node's own address by another; else local
  friend auto operator<=>(const ProofSubject&, const ProofSubject&) = default;
};

// The last look at a subject.
struct Proof {
  ProofSubject subject;
  std::string observer;  // a node's name, or "controller"
  bool good = false;     // an answer of the right form: status 200, ALPN h2 or h3
  std::string problem;   // why not; empty if good
  std::string seen;      // leaf fingerprint or body digest, lower-case hex; empty without an answer
  std::string boot_id;   // of the subject's agent when it was seen, 16 bytes
  OrderId order;         // challenges, and what is kept of an order
  Micros elapsed{0};
  WallTime observed_at;
  std::string observation;  // serialised types.v1.Observation, for `order show`
  friend bool operator==(const Proof&, const Proof&) = default;
};

// The newest look at each subject.
using ProofBook = std::map<ProofSubject, Proof>;

}  // namespace lockstep::controller::model
