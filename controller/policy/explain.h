// What a policy comes to on one node: wanted, offered, resulting. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/policy/capabilities.h"
#include "controller/policy/checks.h"

namespace lockstep::controller::policy {

struct ExplainedKnob {
  std::string site;         // empty for what is the node's own
  std::string knob;         // "quic_server", "preferred_address"
  std::string wanted;       // "true", "10.77.1.2, fd77:1::2"
  std::string from;         // "fleet", "pop par, from its situation", "default"
  std::string offered;      // of the server: "honoured", "fixed to 30s", "not offered"
  std::string resulting;    // what clients are told: "10.77.1.2", "none", "30s"
  bool enforceable = true;  // false: the server cannot do what is wanted
  friend bool operator==(const ExplainedKnob&, const ExplainedKnob&) = default;
};

struct Explanation {
  Server server;
  std::vector<ExplainedKnob> knobs;
};

// `site`: only that one; nothing: all of them.
Explanation Explain(const model::EdgePolicy& policy, const NodeFacts& node,
                    const std::vector<std::string>& sites);

}  // namespace lockstep::controller::policy
