// Nodes and policies for the tests of controller/policy.
#pragma once

#include <string>
#include <vector>

#include "controller/policy/checks.h"
#include "controller/policy/policy_file.h"

namespace lockstep::controller::policy {

inline NodeFacts NodeOf(const std::string& name, const std::string& pop,
                        std::vector<std::string> capabilities) {
  NodeFacts facts;
  facts.node.name = NodeName::Parse(name).value();
  facts.node.pop = PopName::Parse(pop).value();
  facts.node.addresses = {IpAddress::Parse("10.77.1.2").value(),
                          IpAddress::Parse("fd77:1::2").value()};
  facts.capabilities = std::move(capabilities);
  return facts;
}

// fra1 has lockstep-quicd beside its Caddy, ams1 has not.
inline FleetFacts TwoNodes() {
  FleetFacts facts;
  facts.service_addresses = {IpAddress::Parse("203.0.113.10").value()};
  facts.nodes = {NodeOf("ams1", "ams", {"caddy/2.6.2"}),
                 NodeOf("fra1", "fra", {"caddy/2.6.2", "lockstep-quicd/0.1.0"})};
  facts.sites = {"www"};
  return facts;
}

inline model::EdgePolicy Parsed(const std::string& text) {
  return ParsePolicy(text, "policy.toml").value();
}

}  // namespace lockstep::controller::policy
