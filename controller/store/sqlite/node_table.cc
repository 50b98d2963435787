#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {

model::Node NodeTable::Read(const Query& row) {
  model::Node node;
  node.name = row.Parsed<NodeName>(0);
  node.pop = row.Parsed<PopName>(1);
  node.banned = row.Bool(2);
  node.ban_reason = row.Text(3);
  node.identity_serial = row.Text(4);
  node.identity_not_after = row.Time(5);
  node.spki_sha256 = row.Blob(6);
  node.agent_version = row.Text(7);
  node.enrolled_at = row.Time(8);
  Query addresses = connection_.Ask(
      "SELECT address FROM node_addresses WHERE node = ? ORDER BY ordinal", node.name);
  while (addresses.Next()) node.addresses.push_back(addresses.Parsed<IpAddress>(0));
  return node;
}

Result<std::optional<model::Node>> NodeTable::Find(const NodeName& name) {
  return Guarded(connection_, [&]() -> Result<std::optional<model::Node>> {
    Query query = connection_.Ask(
        "SELECT name, pop, banned, ban_reason, identity_serial, identity_not_after_at, "
        "spki_sha256, agent_version, enrolled_at FROM nodes WHERE name = ?",
        name);
    if (!query.Next()) return std::optional<model::Node>();
    return std::optional(Read(query));
  });
}

Result<model::Node> NodeTable::Get(const NodeName& name) {
  LS_ASSIGN_OR_RETURN(std::optional<model::Node> found, Find(name));
  if (!found) return NotFound("no node " + name.str());
  return *std::move(found);
}

Result<std::vector<model::Node>> NodeTable::List() {
  return Guarded(connection_, [&]() -> Result<std::vector<model::Node>> {
    std::vector<model::Node> nodes;
    Query query = connection_.Ask(
        "SELECT name, pop, banned, ban_reason, identity_serial, identity_not_after_at, "
        "spki_sha256, agent_version, enrolled_at FROM nodes ORDER BY name");
    while (query.Next()) nodes.push_back(Read(query));
    return nodes;
  });
}

void NodeTable::WriteAddresses(const model::Node& node) {
  connection_.Execute("DELETE FROM node_addresses WHERE node = ?", node.name);
  for (size_t i = 0; i < node.addresses.size(); ++i) {
    connection_.Execute("INSERT INTO node_addresses (node, ordinal, address) VALUES (?, ?, ?)",
                        node.name, i, node.addresses[i]);
  }
}

Status NodeTable::Create(const model::Node& node) {
  return Guarded(connection_, [&]() -> Status {
    const int64_t created = connection_.Execute(
        "INSERT INTO nodes (name, pop, banned, ban_reason, identity_serial, "
        "identity_not_after_at, spki_sha256, agent_version, enrolled_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        node.name, node.pop, node.banned, node.ban_reason, node.identity_serial,
        node.identity_not_after, Bytes{node.spki_sha256}, node.agent_version, node.enrolled_at);
    if (created == 0) return AlreadyExists("node " + node.name.str() + " exists already");
    WriteAddresses(node);
    return Status::Ok();
  });
}

Status NodeTable::Update(const model::Node& node) {
  return Guarded(connection_, [&]() -> Status {
    const int64_t updated = connection_.Execute(
        "UPDATE nodes SET pop = ?, banned = ?, ban_reason = ?, identity_serial = ?, "
        "identity_not_after_at = ?, spki_sha256 = ?, agent_version = ?, enrolled_at = ? "
        "WHERE name = ?",
        node.pop, node.banned, node.ban_reason, node.identity_serial, node.identity_not_after,
        Bytes{node.spki_sha256}, node.agent_version, node.enrolled_at, node.name);
    if (updated == 0) return NotFound("no node " + node.name.str());
    WriteAddresses(node);
    return Status::Ok();
  });
}

Status NodeTable::Delete(const NodeName& name) {
  return Guarded(connection_, [&]() -> Status {
    if (connection_.Execute("DELETE FROM nodes WHERE name = ?", name) == 0) {
      return NotFound("no node " + name.str());
    }
    connection_.Execute("DELETE FROM proofs WHERE node = ?", name);
    return Status::Ok();
  });
}

}  // namespace lockstep::controller::store::sqlite
