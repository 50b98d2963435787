#include "controller/planner/quic_parts.h"

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

}  // namespace

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
  std::string quic;
  for (const auto& [node, part] : node_parts) {
    const std::string settings = QuicOf(part);
    if (!settings.empty()) quic += crypto::Sha256(node.str()) + crypto::Sha256(settings);
  }
  const std::string digest = shared.Digest();
  return quic.empty() ? digest : crypto::Sha256(digest + quic);
}

std::map<snapshot::ResourceKey, snapshot::Body> Plan::StoredNodeParts() const {
  std::map<snapshot::ResourceKey, snapshot::Body> out;
  for (const auto& [node, part] : node_parts) {
    if (!QuicOf(part).empty()) out.emplace(snapshot::ResourceKey{"node", node.str()}, part);
  }
  return out;
}

}  // namespace lockstep::controller::planner
