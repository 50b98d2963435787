// Keeping: what it means that a node has lost HTTP/3 after the fleet has promised it.
//
// One bad node must not turn it off for all: it is marked for withdrawal and the promise stays, as
// long as enough nodes stay announced (law 6). Where they would not, nobody is withdrawn for it and
// the sites step back. Decisions only: who withdraws, and who changes what is advertised, is not
// here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/names.h"
#include "controller/model/promise.h"

namespace lockstep::controller::edge {

struct KeepingOptions {
  size_t floor = 1;                           // the fewest nodes that must stay announced
  Micros confirm = Seconds(30);               // a loss shorter than this is none
  Micros release = std::chrono::minutes(10);  // a node that works again is kept out this long,
                                              // doubled with each relapse
  Micros forget_relapses = std::chrono::hours(24);  // of working without a break
};

// How HTTP/3 of a site on a node was seen last. Not having been seen is no loss: a controller that
// is cut off changes nothing (law 1).
enum class Sight { kUnknown = 0, kWorks = 1, kBroken = 2 };

struct KeepingFacts {
  struct Node {
    // Connected, and announcing as far as known. Others neither count above the floor, since nobody
    // knows that they serve, nor can they be told to withdraw.
    bool available = false;
    // Of the sites that clients may hold a promise of.
    std::map<std::string, Sight> sites;
    // It comes back from a withdrawal: it does not count above the floor yet, and may be told to
    // stay away.
    bool returning = false;
  };
  std::map<NodeName, Node> nodes;
};

// Stored, so that a restart does not release who was marked.
using model::KeepingState;
using model::NodeKeeping;

// What a marked node is to do.
enum class Marked {
  kWithdraw,     // announce no more, refuse HTTP/3
  kAsItIs,       // too few others are left at this moment: nothing else than before
  kWithoutHttp3  // too few others are left: announce, refuse HTTP/3
};

struct Keeping {
  KeepingState state;
  Marked marked = Marked::kWithdraw;
  // Nodes that are to be, or to stay, withdrawn, with why. One that was and is not here may return.
  std::map<NodeName, std::string> withdraw;
  // Sites that are to step back, with why.
  std::map<std::string, std::string> step_back;
  std::optional<WallTime> look_at;
};

Keeping Keep(const KeepingState& state, const KeepingFacts& facts, const KeepingOptions& options,
             WallTime now);

}  // namespace lockstep::controller::edge
