// Waves: in which steps a generation goes through the fleet.
#pragma once

#include <string>
#include <vector>

#include "common/base/names.h"
#include "common/status/status.h"
#include "controller/model/node.h"

namespace lockstep::controller::planner {

// How far a wave reaches: a number of nodes, or a part of the fleet.
struct WaveSize {
  int nodes = 0;    // if > 0
  int percent = 0;  // else 1-100
  // "1", "10%".
  static Result<WaveSize> Parse(std::string_view text);
  // At least 1, at most `fleet`. Parts are rounded to the nearest, a half down.
  int Reach(int fleet) const;
};

// Cuts `nodes` into waves that reach as far as `sizes` say; the last one takes the rest. Nodes of
// different pops come early, so that a wave tries several pops. Empty waves are left out; the same
// input gives the same waves.
std::vector<std::vector<NodeName>> MakeWaves(const std::vector<model::Node>& nodes,
                                             const std::vector<WaveSize>& sizes);

}  // namespace lockstep::controller::planner
