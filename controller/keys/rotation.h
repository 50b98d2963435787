// When which of the fleet's QUIC keys is replaced. Pure.
//
// A key is on every node before any node makes something with it. So each key comes in two steps,
// and so in two generations: first as a next one; and as the current one only once every node that
// may meet clients holds it.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "controller/model/quic_keys.h"

namespace lockstep::controller::keys {

struct Periods {
  Micros tickets = std::chrono::hours(24);
  Micros tokens = std::chrono::hours(24 * 7);
};

// The first keys of a fleet.
model::QuicKeys MakeFirst(WallTime now);

struct Step {
  model::QuicKeys keys;  // what is to hold from now on
  std::string cause;     // in words: "the session-ticket keys moved on"; empty: nothing is due
};

// `held_by_all`: every node that counts as announcing holds all of `keys`, the next ones among
// them, proved by a generation that carried them. `now_due`: as if the periods had run out.
Step NextStep(const model::QuicKeys& keys, WallTime now, const Periods& periods, bool held_by_all,
              bool now_due = false);

}  // namespace lockstep::controller::keys
