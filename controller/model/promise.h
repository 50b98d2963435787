// What a site promises in Alt-Svc: what has to be stored of it. The decisions: controller/edge.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/names.h"

namespace lockstep::controller::model {

// Where else an origin is served, and by which protocol (RFC 7838 §2).
struct Alternative {
  std::string protocol;  // the ALPN protocol id as its bytes: "h3"
  std::string host;      // lower case; empty: the origin's own
  uint16_t port = 443;
  friend auto operator<=>(const Alternative&, const Alternative&) = default;
};

// A generation within all epochs: a recovered database counts on under a higher epoch.
struct GenerationId {
  uint64_t epoch = 0;
  uint64_t number = 0;
  friend auto operator<=>(const GenerationId&, const GenerationId&) = default;
};

// What a value tells clients to hold, and for how long. Empty: it has none, or is "clear".
using Offer = std::map<Alternative, Seconds>;

// What one node may be saying, and what was heard of it before.
struct NodeLedger {
  // The values it may be serving, oldest first. The last one is what it was told last.
  std::map<GenerationId, Offer> open;
  // Until when clients may hold what it is known to say no more.
  std::map<Alternative, WallTime> closed;
  friend bool operator==(const NodeLedger&, const NodeLedger&) = default;
};

struct LedgerState {
  std::map<NodeName, NodeLedger> nodes;
  friend bool operator==(const LedgerState&, const LedgerState&) = default;
};

// Values are stored.
enum class RampPhase {
  kSilent = 1,       // no promise, and nobody holds one
  kAdvertising = 2,  // promised for `max_age`
  kClearing = 3,     // taken back: "clear", while clients may still hold it
};

// How long HTTP/3 is promised for.
struct RampState {
  RampPhase phase = RampPhase::kSilent;
  Seconds max_age{0};
  uint32_t step_backs = 0;  // since the ceiling was reached last
  // Of this start of the controller, and never stored: nobody looked in between.
  std::optional<WallTime> held_since;
  friend bool operator==(const RampState&, const RampState&) = default;
};

// All of one site. It outlives the site for as long as clients may hold something.
struct SitePromise {
  std::string site;
  RampState ramp;
  bool switched_off = false;  // by an operator
  LedgerState ledger;
  friend bool operator==(const SitePromise&, const SitePromise&) = default;
};

// How HTTP/3 has done on one node since it was promised.
struct NodeKeeping {
  std::optional<WallTime> broken_since;
  std::optional<WallTime> works_since;
  std::optional<WallTime> marked_since;  // for withdrawal
  uint32_t relapses = 0;
  friend bool operator==(const NodeKeeping&, const NodeKeeping&) = default;
};

// Whether enough nodes stay announced. Of this start of the controller, and never stored.
struct KeepingFloor {
  std::optional<WallTime> short_since;
  bool called_back = false;              // those marked for withdrawal are needed all the same
  std::optional<WallTime> enough_since;  // while they are called back
  friend bool operator==(const KeepingFloor&, const KeepingFloor&) = default;
};

struct KeepingState {
  std::map<NodeName, NodeKeeping> nodes;
  // Sites that several nodes lack while they serve others, since when.
  std::map<std::string, WallTime> at_fault_since;
  KeepingFloor floor;
  friend bool operator==(const KeepingState&, const KeepingState&) = default;
};

}  // namespace lockstep::controller::model
