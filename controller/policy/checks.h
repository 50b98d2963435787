// Whether the fleet can do what a policy asks for. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/base/ip.h"
#include "common/status/status.h"
#include "controller/model/edge_policy.h"
#include "controller/model/node.h"

namespace lockstep::controller::policy {

struct NodeFacts {
  model::Node node;
  std::vector<std::string> capabilities;  // as its agent said last; empty if it has not
};

// What a policy is held against.
struct FleetFacts {
  std::vector<IpAddress> service_addresses;
  std::vector<NodeFacts> nodes;    // enrolled, not banned
  std::vector<std::string> sites;  // by name
};

// FAILED_PRECONDITION with a line for each thing that a node cannot honour although an operator
// asks for it. What only follows from a situation is not refused: Explain shows it.
Status CheckPolicy(const model::EdgePolicy& policy, const FleetFacts& facts);

// A line for each pop, node and site of the policy that does not exist: they may come.
std::vector<std::string> UnknownNames(const model::EdgePolicy& policy, const FleetFacts& facts);

}  // namespace lockstep::controller::policy
