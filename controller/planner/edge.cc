#include "controller/planner/edge.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/crypto/digest.h"

namespace lockstep::controller::planner {
namespace {

using model::EdgeSettings;
using model::Situation;

constexpr size_t kServerIdBytes = 8;
constexpr Seconds kAltSvcFloor{300};
constexpr Seconds kAltSvcCeiling{86400};

struct Level {
  std::string name;
  const EdgeSettings* settings;
};
using Levels = std::vector<Level>;  // the most specific first

template <typename T>
Resolved<T> Resolve(const Levels& levels, std::optional<T> EdgeSettings::*setting, T otherwise) {
  for (const auto& [name, settings] : levels) {
    if (settings->*setting) return {*(settings->*setting), name, true};
  }
  return {otherwise, "default", false};
}

// A setting that follows from a situation where it is not said.
template <typename T>
Resolved<T> ResolveWithSituation(const Levels& levels, std::optional<T> EdgeSettings::*setting,
                                 T Consequences::*consequence) {
  for (const auto& [name, settings] : levels) {
    if (settings->*setting) return {*(settings->*setting), name, true};
    if (settings->situation) {
      return {ConsequencesOf(*settings->situation).*consequence, name + ", from its situation",
              false};
    }
  }
  return {ConsequencesOf(Situation::kAnycast).*consequence, "default", false};
}

Levels LevelsOf(const model::EdgePolicy& policy, const model::Node& node) {
  Levels levels;
  if (const auto found = policy.nodes.find(node.name); found != policy.nodes.end()) {
    levels.push_back({"node " + node.name.str(), &found->second.settings});
  }
  if (const auto found = policy.pops.find(node.pop); found != policy.pops.end()) {
    levels.push_back({"pop " + node.pop.str(), &found->second});
  }
  levels.push_back({"fleet", &policy.fleet});
  return levels;
}

Levels LevelsOf(const model::EdgePolicy& policy, const std::string& site) {
  Levels levels;
  if (const auto found = policy.sites.find(site); found != policy.sites.end()) {
    levels.push_back({"site " + site, &found->second});
  }
  levels.push_back({"fleet", &policy.fleet});
  return levels;
}

// What the policy says, else the node's own first address of the family.
void AddAddress(const std::optional<model::PreferredAddress>& said, const model::Node& node,
                bool is_v4, std::vector<model::PreferredAddress>* out) {
  if (said) {
    out->push_back(*said);
    return;
  }
  const auto own = std::ranges::find_if(
      node.addresses, [&](const IpAddress& address) { return address.is_v6() != is_v4; });
  if (own != node.addresses.end()) out->push_back({*own, *own});
}

std::vector<model::PreferredAddress> AddressesOf(const model::EdgePolicy& policy,
                                                 const model::Node& node) {
  std::vector<model::PreferredAddress> out;
  const auto found = policy.nodes.find(node.name);
  const bool has = found != policy.nodes.end();
  AddAddress(has ? found->second.preferred_v4 : std::nullopt, node, true, &out);
  AddAddress(has ? found->second.preferred_v6 : std::nullopt, node, false, &out);
  return out;
}

void Fill(const model::PreferredAddress& from, types::v1::PreferredAddress* to) {
  to->set_advertised(from.advertised.ToString());
  if (from.bound != from.advertised) to->set_bound(from.bound.ToString());
}

// Witnesses look through every address that the node says it has, whatever clients are told.
void AddWitnessed(const NodeEdge& edge, const types::v1::NodeSettings& settings,
                  types::v1::QuicIdentity* identity) {
  for (const std::string& own : settings.addresses()) {
    const IpAddress address = *IpAddress::Parse(own);
    const bool listed = std::ranges::any_of(edge.addresses, [&](const auto& known) {
      return known.advertised == address || known.bound == address;
    });
    if (!listed) Fill({address, address}, identity->add_witnessed_addresses());
  }
}

}  // namespace

Consequences ConsequencesOf(Situation situation) {
  Consequences out;
  switch (situation) {
    case Situation::kAnycast:
    case Situation::kTwoTupleLb:
      out.preferred_address = true;
      break;
    case Situation::kFourTupleLb:
      // A rebinding sends a client to another server: better to notice soon.
      out.preferred_address = true;
      out.idle_timeout = Seconds(20);
      break;
    case Situation::kHyperLocal:
    case Situation::kEmbedded:
      // Whoever has used a preferred address may roam (RFC 9000 §9, §18.2), and is not to.
      break;
  }
  return out;
}

NodeEdge ResolveNode(const model::EdgePolicy& policy, const model::Node& node) {
  const Levels levels = LevelsOf(policy, node);
  return {Resolve(levels, &EdgeSettings::quic_server, model::QuicServer::kCaddy),
          Resolve(levels, &EdgeSettings::situation, Situation::kAnycast),
          ResolveWithSituation(levels, &EdgeSettings::preferred_address,
                               &Consequences::preferred_address),
          AddressesOf(policy, node)};
}

SiteEdge ResolveSite(const model::EdgePolicy& policy, const std::string& site) {
  const Levels levels = LevelsOf(policy, site);
  return {Resolve(levels, &EdgeSettings::situation, Situation::kAnycast),
          ResolveWithSituation(levels, &EdgeSettings::preferred_address,
                               &Consequences::preferred_address),
          ResolveWithSituation(levels, &EdgeSettings::disable_active_migration,
                               &Consequences::disable_active_migration),
          ResolveWithSituation(levels, &EdgeSettings::idle_timeout, &Consequences::idle_timeout),
          Resolve(levels, &EdgeSettings::alt_svc, true),
          Resolve(levels, &EdgeSettings::alt_svc_floor, Micros(kAltSvcFloor)),
          Resolve(levels, &EdgeSettings::alt_svc_ceiling, Micros(kAltSvcCeiling))};
}

std::string ServerIdOf(const NodeName& node) {
  return crypto::Sha256(node.str()).substr(0, kServerIdBytes);
}

Status CheckServerIds(const std::vector<std::pair<NodeName, std::string>>& ids) {
  std::map<std::string, NodeName> holders;
  for (const auto& [node, id] : ids) {
    const auto [at, is_new] = holders.emplace(id, node);
    if (is_new) continue;
    return FailedPrecondition("nodes " + at->second.str() + " and " + node.str() +
                              " would have the same id in QUIC connection IDs; enroll one of "
                              "them under another name");
  }
  return Status::Ok();
}

void SetNodeEdge(const NodeEdge& edge, types::v1::NodeSettings* settings) {
  switch (edge.quic_server.value) {
    case model::QuicServer::kCaddy:
      return;
    case model::QuicServer::kNone:
      settings->set_quic_server(types::v1::QUIC_SERVER_NONE);
      return;
    case model::QuicServer::kQuicd:
      break;
  }
  settings->set_quic_server(types::v1::QUIC_SERVER_QUICD);
  auto* identity = settings->mutable_quic_identity();
  identity->set_server_id(ServerIdOf(*NodeName::Parse(settings->node())));
  for (const model::PreferredAddress& address : edge.addresses) {
    Fill(address, edge.preferred_address.value ? identity->add_preferred_addresses()
                                               : identity->add_witnessed_addresses());
  }
  AddWitnessed(edge, *settings, identity);
}

void SetSiteEdge(const SiteEdge& edge, types::v1::Site* site) {
  auto* quic = site->mutable_quic();
  quic->set_disable_active_migration(edge.disable_active_migration.value);
  quic->set_use_preferred_address(edge.preferred_address.value);
  const int64_t micros = edge.idle_timeout.value.count();
  quic->mutable_idle_timeout()->set_seconds(micros / 1'000'000);
  quic->mutable_idle_timeout()->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
}

}  // namespace lockstep::controller::planner
