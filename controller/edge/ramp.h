// Ramp: how long a site's HTTP/3 is promised for: not at all, then longer and longer while it
// holds.
//
// Pure: (state, facts, now) -> (state, what to advertise, when to look again, what to tell).
// Nothing is changed while the fleet still shows two values, so never more than two coexist (law
// 8).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/status/status.h"
#include "controller/edge/alt_svc.h"
#include "controller/model/promise.h"

namespace lockstep::controller::edge {

// An age, and for how long everything must have held before it is promised.
struct Rung {
  Seconds max_age{0};
  Micros held{0};
  friend bool operator==(const Rung&, const Rung&) = default;
};

struct RampOptions {
  // Below 5 minutes a browser's own penalty for an alternative that failed is longer than the
  // promise.
  Seconds floor{300};
  Seconds ceiling{86400};
  // Shortest age first. Those outside of floor and ceiling are moved to them.
  std::vector<Rung> rungs = {{Seconds(300), std::chrono::minutes(10)},
                             {Seconds(3600), std::chrono::hours(1)},
                             {Seconds(86400), std::chrono::hours(24)}};
  // The first promise after a step back waits this much longer, doubled with each further one.
  Micros after_step_back = std::chrono::minutes(30);
};

// INVALID_ARGUMENT if floor and ceiling are no sane bounds.
Status Check(const RampOptions& options);

using model::RampPhase;
using model::RampState;

// After a start of the controller: nobody looked in between, so what must hold begins anew.
RampState Resume(RampState stored);

// What is advertised in this state.
AltSvc ValueOf(const RampState& state);

struct RampFacts {
  bool wanted = true;  // the policy wants HTTP/3 for this site
  // Every announced node completes an HTTP/3 handshake for it, locally and to a witness.
  bool proved = false;
  std::string missing;  // who does not, for an operator
  // Every announced node was seen to send the present value, on every protocol.
  bool value_shown = false;
  bool step_back = false;  // too many nodes have lost it (keeping.h)
  std::string step_back_reason;
  bool run_out = true;  // by the ledger nobody holds it any more
};

struct RampStep {
  RampState state;
  AltSvc value;  // to be advertised
  std::optional<WallTime> look_at;
  std::string note;  // for an operator: what holds it where it is, or why it moved
};

RampStep Advance(const RampState& state, const RampFacts& facts, const RampOptions& options,
                 WallTime now);

}  // namespace lockstep::controller::edge
