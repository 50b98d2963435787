#include "controller/planner/quic_parts.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/crypto/digest.h"

namespace lockstep::controller::planner {
namespace {

using types::v1::NodeSettings;

NodeSettings SettingsIn(const snapshot::Body& body) {
  NodeSettings settings;
  LS_CHECK(settings.ParseFromString(*body));
  return settings;
}

// What the policy says of a node; empty where it says nothing.
std::string QuicOf(const snapshot::Body& body) {
  const NodeSettings settings = SettingsIn(body);
  if (settings.quic_server() == types::v1::QUIC_SERVER_UNSPECIFIED) return "";
  NodeSettings quic;
  quic.set_quic_server(settings.quic_server());
  if (settings.has_quic_identity()) *quic.mutable_quic_identity() = settings.quic_identity();
  return quic.SerializeAsString();
}

void AddSite(const types::v1::Site& site, model::SiteQuicByHost* out) {
  if (!site.has_quic()) return;
  const auto& idle = site.quic().idle_timeout();
  const model::SiteQuic quic{site.quic().disable_active_migration(),
                             Micros(idle.seconds() * 1'000'000 + idle.nanos() / 1000),
                             site.quic().use_preferred_address()};
  for (const std::string& host : site.secure_hosts()) {
    out->insert_or_assign(*Hostname::Parse(host), quic);
  }
}

std::shared_ptr<const model::SiteQuicByHost> SitesIn(const Plan& plan) {
  auto out = std::make_shared<model::SiteQuicByHost>();
  for (const auto& [key, entry] : plan.shared.entries()) {
    if (key.type != "site") continue;
    types::v1::Site site;
    LS_CHECK(site.ParseFromString(*entry.body));
    AddSite(site, out.get());
  }
  return out;
}

model::QuicTermsPtr TermsOf(const NodeSettings& settings,
                            const std::shared_ptr<const model::SiteQuicByHost>& sites) {
  if (settings.quic_server() == types::v1::QUIC_SERVER_NONE) {
    return std::make_shared<const model::QuicTerms>(model::QuicTerms{false, {}, nullptr});
  }
  if (settings.quic_server() != types::v1::QUIC_SERVER_QUICD) return nullptr;
  model::QuicTerms terms{true, {}, sites};
  for (const auto& preferred : settings.quic_identity().preferred_addresses()) {
    terms.preferred_addresses.push_back(*IpAddress::Parse(preferred.advertised()));
  }
  return std::make_shared<const model::QuicTerms>(std::move(terms));
}

model::QuicTermsPtr TermsIn(const Plan& plan, const NodeName& node) {
  const auto found = plan.quic.find(node);
  return found == plan.quic.end() ? nullptr : found->second;
}

// It shows other parameters for the host, or has opened UDP 443.
bool IsShownOtherwise(const model::QuicTermsPtr& before, const model::QuicTermsPtr& after,
                      const Hostname& host) {
  if (before && !before->is_served && (!after || after->is_served)) return true;
  return (before ? before->Find(host) : std::nullopt) != (after ? after->Find(host) : std::nullopt);
}

}  // namespace

std::map<NodeName, model::QuicTermsPtr> FindQuicTerms(const Plan& plan) {
  std::shared_ptr<const model::SiteQuicByHost> sites;  // read for the first node that needs them
  std::map<NodeName, model::QuicTermsPtr> out;
  for (const auto& [node, part] : plan.node_parts) {
    const NodeSettings settings = SettingsIn(part);
    if (!sites && settings.quic_server() == types::v1::QUIC_SERVER_QUICD) sites = SitesIn(plan);
    if (auto terms = TermsOf(settings, sites)) out.emplace(node, std::move(terms));
  }
  return out;
}

std::vector<ServedCertificate> ChangedHandshakes(const Plan& before, const Plan& after) {
  std::vector<ServedCertificate> changed = ChangedCertificates(before, after);
  std::set<NodeName> nodes;  // that the policy has or had a say in
  for (const auto& [node, terms] : before.quic) nodes.insert(node);
  for (const auto& [node, terms] : after.quic) nodes.insert(node);
  std::set<Hostname> known;
  for (const ServedCertificate& served : changed) known.insert(served.host);
  for (const ServedCertificate& served : after.served) {
    const bool is_other = std::ranges::any_of(nodes, [&](const NodeName& node) {
      return IsShownOtherwise(TermsIn(before, node), TermsIn(after, node), served.host);
    });
    if (is_other && !known.contains(served.host)) changed.push_back(served);
  }
  return changed;
}

types::v1::QuicKeys QuicKeysPart(const model::QuicKeys& keys) {
  types::v1::QuicKeys out;
  auto* connection_id = out.add_connection_id_keys();
  connection_id->set_config_id(keys.connection_id_config);
  connection_id->set_key(keys.connection_id.bytes);
  // All are read and the first one makes: a coming one takes the place of the previous one.
  out.add_token_keys(keys.token_current.bytes);
  if (keys.token_next) {
    out.add_token_keys(keys.token_next->bytes);
  } else if (keys.token_previous) {
    out.add_token_keys(keys.token_previous->bytes);
  }
  out.set_ticket_current(keys.ticket_current.bytes);
  if (keys.ticket_previous) out.set_ticket_previous(keys.ticket_previous->bytes);
  out.set_ticket_next(keys.ticket_next.bytes);
  return out;
}

bool CopyQuic(const std::string& from, NodeSettings* to) {
  NodeSettings settings;
  if (!settings.ParseFromString(from)) return false;
  to->set_quic_server(settings.quic_server());
  to->clear_quic_identity();
  if (settings.has_quic_identity()) *to->mutable_quic_identity() = settings.quic_identity();
  return true;
}

void RemoveNodeParts(snapshot::Snapshot* stored) {
  std::vector<snapshot::ResourceKey> keys;
  for (const auto& [key, entry] : stored->entries()) {
    if (key.type == "node") keys.push_back(key);
  }
  for (const auto& key : keys) stored->Remove(key);
}

bool DiffersInQuic(const Plan& before, const Plan& after) {
  for (const auto& [node, part] : after.node_parts) {
    const auto old = before.node_parts.find(node);
    if (old != before.node_parts.end() && QuicOf(old->second) != QuicOf(part)) return true;
  }
  return false;
}

std::map<NodeName, snapshot::Body> NodePartsForRollback(const Plan& stable, const Plan& failed) {
  const bool has_keys = stable.shared.Find({"quic_keys", "quic_keys"}) != nullptr;
  std::map<NodeName, snapshot::Body> out;
  for (const auto& [node, part] : failed.node_parts) {
    NodeSettings settings = SettingsIn(part);
    if (const auto old = stable.node_parts.find(node); old != stable.node_parts.end()) {
      LS_CHECK(CopyQuic(*old->second, &settings));
    } else if (!has_keys && settings.quic_server() == types::v1::QUIC_SERVER_QUICD) {
      settings.clear_quic_server();
      settings.clear_quic_identity();
    }
    out.emplace(node, std::make_shared<const std::string>(settings.SerializeAsString()));
  }
  return out;
}

bool CarriesQuicKeys(const Plan& plan, const model::QuicKeys& keys) {
  const auto* entry = plan.shared.Find({"quic_keys", "quic_keys"});
  return entry != nullptr && *entry->body == QuicKeysPart(keys).SerializeAsString();
}

std::string Plan::Digest() const {
  std::string settings_of_all;
  for (const auto& [node, part] : node_parts) {
    const std::string settings = QuicOf(part);
    if (!settings.empty()) settings_of_all += crypto::Sha256(node.str()) + crypto::Sha256(settings);
  }
  const std::string digest = shared.Digest();
  return settings_of_all.empty() ? digest : crypto::Sha256(digest + settings_of_all);
}

std::map<snapshot::ResourceKey, snapshot::Body> Plan::StoredNodeParts() const {
  std::map<snapshot::ResourceKey, snapshot::Body> out;
  for (const auto& [node, part] : node_parts) {
    if (!QuicOf(part).empty()) out.emplace(snapshot::ResourceKey{"node", node.str()}, part);
  }
  return out;
}

}  // namespace lockstep::controller::planner
