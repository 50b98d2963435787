#include "controller/policy/explain.h"

#include "controller/planner/edge.h"
#include "controller/policy/policy_file.h"

namespace lockstep::controller::policy {
namespace {

using Kind = Capability::Kind;

std::string Word(bool value) { return value ? "true" : "false"; }

std::string AddressesOf(const planner::NodeEdge& edge) {
  std::string out;
  for (const model::PreferredAddress& address : edge.addresses) {
    out += (out.empty() ? "" : ", ") + address.advertised.ToString();
    if (address.bound != address.advertised) out += " (bound " + address.bound.ToString() + ")";
  }
  return out.empty() ? "none" : out;
}

// What comes of a setting of a site where the server can do it, has a value of its own, or cannot.
ExplainedKnob Knobs(const std::string& site, const Server& server, Knob knob,
                    const std::string& wanted, const std::string& from) {
  const Capability offered = Look(server, knob);
  ExplainedKnob out{site, KnobName(knob), wanted, from, Describe(offered), wanted, true};
  if (offered.kind == Kind::kFixed) {
    out.resulting = offered.value;
    out.enforceable = offered.value == wanted;
  } else if (offered.kind == Kind::kNotOffered) {
    out.resulting = server.kind == model::QuicServer::kNone ? "none" : "unknown";
    // Nobody answers, so nobody is told anything.
    out.enforceable = server.kind == model::QuicServer::kNone;
  }
  return out;
}

ExplainedKnob AddressOf(const std::string& site, const Server& server,
                        const planner::NodeEdge& node, const planner::SiteEdge& edge) {
  const bool wanted = node.preferred_address.value && edge.preferred_address.value;
  // Whoever says no decides; where both say yes the site is the nearer one to name.
  const auto& decides =
      node.preferred_address.value ? edge.preferred_address : node.preferred_address;
  ExplainedKnob out = Knobs(site, server, Knob::kPreferredAddress, Word(wanted), decides.from);
  const bool is_offered = wanted && Look(server, Knob::kPreferredAddress).kind == Kind::kHonoured;
  out.resulting = is_offered ? AddressesOf(node) : "none";
  out.enforceable = !wanted || is_offered || server.kind == model::QuicServer::kNone;
  return out;
}

}  // namespace

Explanation Explain(const model::EdgePolicy& policy, const NodeFacts& node,
                    const std::vector<std::string>& sites) {
  const planner::NodeEdge edge = planner::ResolveNode(policy, node.node);
  Explanation out{ServerOf(edge.quic_server.value, node.capabilities), {}};
  const std::string server = QuicServerName(edge.quic_server.value);
  const bool runs =
      edge.quic_server.value != model::QuicServer::kQuicd || HasQuicd(node.capabilities);
  out.knobs.push_back({"", "quic_server", server, edge.quic_server.from,
                       runs ? "honoured" : "not reported by the agent", server, runs});
  const std::string situation = SituationName(edge.situation.value);
  out.knobs.push_back({"", "situation", situation, edge.situation.from, "", situation, true});
  for (const std::string& site : sites) {
    const planner::SiteEdge wanted = planner::ResolveSite(policy, site);
    out.knobs.push_back(Knobs(site, out.server, Knob::kDisableActiveMigration,
                              Word(wanted.disable_active_migration.value),
                              wanted.disable_active_migration.from));
    out.knobs.push_back(AddressOf(site, out.server, edge, wanted));
    out.knobs.push_back(Knobs(site, out.server, Knob::kIdleTimeout,
                              DurationWord(wanted.idle_timeout.value), wanted.idle_timeout.from));
  }
  return out;
}

}  // namespace lockstep::controller::policy
