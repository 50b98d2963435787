#include "controller/policy/checks.h"

#include <algorithm>
#include <set>

#include "controller/planner/edge.h"
#include "controller/policy/capabilities.h"
#include "controller/policy/policy_file.h"

namespace lockstep::controller::policy {
namespace {

using Lines = std::set<std::string>;

// Refuses what is asked for and not so.
void CheckKnob(const NodeFacts& facts, const Server& server, Knob knob, const std::string& wanted,
               const std::string& from, Lines* lines) {
  const Capability offered = Look(server, knob);
  if (offered.kind == Capability::Kind::kHonoured) return;
  if (offered.kind == Capability::Kind::kFixed && offered.value == wanted) return;
  lines->insert("node " + facts.node.name.str() + ": " + KnobName(knob) + " = " + wanted + " (" +
                from + ") is " + Describe(offered) + " by " + server.name +
                "; take it out, or give the node quic_server = \"quicd\"");
}

void CheckSite(const NodeFacts& facts, const Server& server, const planner::SiteEdge& site,
               Lines* lines) {
  const auto word = [](bool value) { return std::string(value ? "true" : "false"); };
  if (site.disable_active_migration.is_asked) {
    CheckKnob(facts, server, Knob::kDisableActiveMigration,
              word(site.disable_active_migration.value), site.disable_active_migration.from, lines);
  }
  if (site.idle_timeout.is_asked) {
    CheckKnob(facts, server, Knob::kIdleTimeout, DurationWord(site.idle_timeout.value),
              site.idle_timeout.from, lines);
  }
}

void CheckAddresses(const planner::NodeEdge& edge, const NodeFacts& facts,
                    const std::vector<IpAddress>& service_addresses, Lines* lines) {
  for (const model::PreferredAddress& address : edge.addresses) {
    if (std::ranges::find(service_addresses, address.advertised) == service_addresses.end()) {
      continue;
    }
    lines->insert("node " + facts.node.name.str() + ": preferred address " +
                  address.advertised.ToString() +
                  " is a service address: a client that moves there may meet another node");
  }
}

void CheckNode(const model::EdgePolicy& policy, const NodeFacts& facts, const FleetFacts& fleet,
               Lines* lines) {
  const planner::NodeEdge edge = planner::ResolveNode(policy, facts.node);
  const Server server = ServerOf(edge.quic_server.value, facts.capabilities);
  if (server.kind == model::QuicServer::kNone) return;
  if (server.kind == model::QuicServer::kQuicd) {
    if (!HasQuicd(facts.capabilities)) {
      lines->insert("node " + facts.node.name.str() + ": quic_server = quicd (" +
                    edge.quic_server.from +
                    "), and its agent does not report lockstep-quicd; install and start it there, "
                    "or leave the node out");
    }
    return CheckAddresses(edge, facts, fleet.service_addresses, lines);
  }
  if (edge.preferred_address.is_asked && edge.preferred_address.value) {
    CheckKnob(facts, server, Knob::kPreferredAddress, "true", edge.preferred_address.from, lines);
  }
  for (const std::string& site : fleet.sites) {
    CheckSite(facts, server, planner::ResolveSite(policy, site), lines);
    // A node that wants no address gives none, whatever a site asks for.
    const auto wanted = planner::ResolveSite(policy, site).preferred_address;
    if (wanted.is_asked && wanted.value && edge.preferred_address.value) {
      CheckKnob(facts, server, Knob::kPreferredAddress, "true", wanted.from, lines);
    }
  }
}

}  // namespace

Status CheckPolicy(const model::EdgePolicy& policy, const FleetFacts& facts) {
  Lines lines;
  for (const NodeFacts& node : facts.nodes) CheckNode(policy, node, facts, &lines);
  if (lines.empty()) return Status::Ok();
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return FailedPrecondition(text);
}

std::vector<std::string> UnknownNames(const model::EdgePolicy& policy, const FleetFacts& facts) {
  std::vector<std::string> out;
  for (const auto& [pop, settings] : policy.pops) {
    const bool known = std::ranges::any_of(
        facts.nodes, [&](const NodeFacts& node) { return node.node.pop == pop; });
    if (!known) out.push_back("no node is in pop " + pop.str() + " yet");
  }
  for (const auto& [name, settings] : policy.nodes) {
    const bool known = std::ranges::any_of(
        facts.nodes, [&](const NodeFacts& node) { return node.node.name == name; });
    if (!known) out.push_back("no node " + name.str() + " is enrolled yet");
  }
  for (const auto& [name, settings] : policy.sites) {
    if (std::ranges::find(facts.sites, name) == facts.sites.end()) {
      out.push_back("there is no site " + name + " yet");
    }
  }
  return out;
}

}  // namespace lockstep::controller::policy
