#include "controller/policy/policy_file.h"

#include <functional>
#include <initializer_list>
#include <optional>
#include <utility>

#include "common/conf/conf.h"

namespace lockstep::controller::policy {
namespace {

using model::EdgeSettings;
using model::QuicServer;
using model::Situation;

template <typename T>
std::optional<T> OptionalWord(const conf::Table& table, std::string_view key,
                              conf::Words<T> words) {
  // Asked for first, so that the key is one that a mistyped one may have meant.
  const T value = table.WordOr(key, words, T());
  return table.Has(key) ? std::optional(value) : std::nullopt;
}

std::optional<Micros> OptionalDuration(const conf::Table& table, std::string_view key,
                                       Micros shortest, Micros longest) {
  const Micros value = table.DurationOr(key, shortest, longest, shortest);
  return table.Has(key) ? std::optional(value) : std::nullopt;
}

// A promise that clients do not roam, and an address whose use ends it.
void CheckExpressible(const conf::Table& table, const EdgeSettings& settings) {
  const bool no_roaming =
      settings.situation == Situation::kHyperLocal || settings.situation == Situation::kEmbedded;
  if (!no_roaming || settings.preferred_address != true) return;
  table.Reject("preferred_address",
               std::string(SituationName(*settings.situation)) +
                   " means that clients do not roam, and a client that has used a preferred "
                   "address may: disable_active_migration covers the address of the handshake "
                   "alone, and RFC 9000 (§9, §18.2) has no way to say both; leave one of the two "
                   "out");
}

void ReadSituation(const conf::Table& table, EdgeSettings* settings) {
  settings->situation = OptionalWord<Situation>(table, "situation",
                                                {{"anycast", Situation::kAnycast},
                                                 {"four_tuple_lb", Situation::kFourTupleLb},
                                                 {"two_tuple_lb", Situation::kTwoTupleLb},
                                                 {"hyper_local", Situation::kHyperLocal},
                                                 {"embedded", Situation::kEmbedded}});
  settings->preferred_address = table.Optional<bool>("preferred_address");
  CheckExpressible(table, *settings);
}

void ReadServer(const conf::Table& table, EdgeSettings* settings) {
  settings->quic_server = OptionalWord<QuicServer>(
      table, "quic_server",
      {{"quicd", QuicServer::kQuicd}, {"caddy", QuicServer::kCaddy}, {"none", QuicServer::kNone}});
}

void ReadConnections(const conf::Table& table, EdgeSettings* settings) {
  settings->disable_active_migration = table.Optional<bool>("disable_active_migration");
  settings->idle_timeout =
      OptionalDuration(table, "idle_timeout", kShortestIdleTimeout, kLongestIdleTimeout);
}

void ReadAltSvc(const conf::Table& table, EdgeSettings* settings) {
  settings->alt_svc = table.Optional<bool>("alt_svc");
  settings->alt_svc_floor =
      OptionalDuration(table, "alt_svc_floor", kShortestAltSvc, kLongestAltSvc);
  settings->alt_svc_ceiling =
      OptionalDuration(table, "alt_svc_ceiling", kShortestAltSvc, kLongestAltSvc);
  if (settings->alt_svc_floor && settings->alt_svc_ceiling &&
      *settings->alt_svc_ceiling < *settings->alt_svc_floor) {
    table.Reject("alt_svc_ceiling", "must not be below alt_svc_floor");
  }
}

// A key that would be right elsewhere says so, instead of being unknown.
void RejectElsewhere(const conf::Table& table, std::initializer_list<std::string_view> keys,
                     const std::string& why) {
  for (const std::string_view key : keys) {
    if (!table.Has(key)) continue;
    (void)table.Optional<std::string>(key);
    table.Reject(key, why);
  }
}

EdgeSettings ReadServerLevel(const conf::Table& table) {
  EdgeSettings settings;
  ReadSituation(table, &settings);
  ReadServer(table, &settings);
  RejectElsewhere(table, {"disable_active_migration", "idle_timeout"},
                  "is a setting of [fleet] and [[site]]: a site tells its clients the same on "
                  "every node");
  RejectElsewhere(
      table, {"alt_svc", "alt_svc_floor", "alt_svc_ceiling"},
      "is a setting of [fleet] and [[site]]: a client that was promised HTTP/3 may come "
      "to any node");
  return settings;
}

std::optional<model::PreferredAddress> ReadAddress(const conf::Table& node, std::string_view key,
                                                   Family family) {
  const std::optional<conf::Table> table = node.FindTable(key);
  if (!table) return std::nullopt;
  model::PreferredAddress out;
  out.advertised = table->Required<IpAddress>("advertised");
  out.bound = table->Or("bound", out.advertised);
  for (const auto& [name, address] :
       {std::pair("advertised", out.advertised), std::pair("bound", out.bound)}) {
    if (!table->Has(name) || address == IpAddress()) continue;  // absent, or reported
    if (address.family() != family) {
      table->Reject(name, address.ToString() + " is of the other family");
    } else if (address.IsLoopback() || address.IsLinkLocal() || address.IsUnspecified() ||
               address.IsMulticast()) {
      table->Reject(name, "no client can move to " + address.ToString());
    }
  }
  return out;
}

template <typename Name>
std::optional<Name> ReadName(const conf::Table& table, std::string_view noun,
                             const std::function<bool(const Name&)>& is_known) {
  auto name = table.Optional<Name>("name");
  if (!table.Has("name")) table.Reject("name", "must be given");
  if (name && is_known(*name)) {
    table.Reject("name", std::string(noun) + " " + name->str() + " is in this file twice");
    return std::nullopt;
  }
  return name;
}

void ReadPops(const conf::Table& root, model::EdgePolicy* policy) {
  for (const conf::Table& table : root.Tables("pop")) {
    const auto name = ReadName<PopName>(
        table, "pop", [&](const PopName& pop) { return policy->pops.contains(pop); });
    const EdgeSettings settings = ReadServerLevel(table);
    if (name) policy->pops.emplace(*name, settings);
  }
}

void ReadNodes(const conf::Table& root, model::EdgePolicy* policy) {
  for (const conf::Table& table : root.Tables("node")) {
    const auto name = ReadName<NodeName>(
        table, "node", [&](const NodeName& node) { return policy->nodes.contains(node); });
    model::NodeEdgeSettings node{ReadServerLevel(table),
                                 ReadAddress(table, "preferred_v4", Family::kIpv4),
                                 ReadAddress(table, "preferred_v6", Family::kIpv6)};
    if (name) policy->nodes.emplace(*name, node);
  }
}

void ReadSites(const conf::Table& root, model::EdgePolicy* policy) {
  for (const conf::Table& table : root.Tables("site")) {
    const auto name = table.Required<std::string>("name");
    EdgeSettings settings;
    ReadSituation(table, &settings);
    ReadConnections(table, &settings);
    ReadAltSvc(table, &settings);
    RejectElsewhere(table, {"quic_server"},
                    "is a setting of [fleet], [[pop]] and [[node]]: UDP 443 of a node has one "
                    "owner for all sites");
    if (!name.empty() && !policy->sites.emplace(name, settings).second) {
      table.Reject("name", "site " + name + " is in this file twice");
    }
  }
}

}  // namespace

Result<model::EdgePolicy> ParsePolicy(std::string_view text, const std::string& file_name) {
  LS_ASSIGN_OR_RETURN(const conf::Document document, conf::Document::FromText(text, file_name));
  const conf::Table root = document.root();
  model::EdgePolicy policy;
  const conf::Table fleet = root.TableOr("fleet");
  ReadSituation(fleet, &policy.fleet);
  ReadServer(fleet, &policy.fleet);
  ReadConnections(fleet, &policy.fleet);
  ReadAltSvc(fleet, &policy.fleet);
  ReadPops(root, &policy);
  ReadNodes(root, &policy);
  ReadSites(root, &policy);
  LS_RETURN_IF_ERROR(document.Finish());
  return policy;
}

}  // namespace lockstep::controller::policy
