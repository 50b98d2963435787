#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {
namespace {

// Where a sealed key belongs, so that one that was moved to another role does not open.
std::string PlaceOf(const std::string& role) { return "quic-key/" + role; }

}  // namespace

Result<std::optional<model::QuicKey>> QuicKeyTable::FindKey(const std::string& role) {
  Query query =
      connection_.Ask("SELECT sealed_key, created_at FROM quic_keys WHERE role = ?", role);
  if (!query.Next()) return std::optional<model::QuicKey>();
  Result<crypto::Secret> opened = key_.Open(query.Blob(0), PlaceOf(role));
  if (!opened.ok()) return opened.status().Prefixed("QUIC key " + role);
  return std::optional(model::QuicKey{std::string(opened->Reveal()), query.Time(1)});
}

Status QuicKeyTable::PutKey(const std::string& role, const model::QuicKey& key) {
  LS_ASSIGN_OR_RETURN(const std::string sealed, key_.Seal(key.bytes, PlaceOf(role)));
  connection_.Execute("INSERT INTO quic_keys (role, sealed_key, created_at) VALUES (?, ?, ?)", role,
                      Bytes{sealed}, key.created_at);
  return Status::Ok();
}

Result<std::optional<model::QuicKeys>> QuicKeyTable::Find() {
  return Guarded(connection_, [&]() -> Result<std::optional<model::QuicKeys>> {
    model::QuicKeys keys;
    {
      Query query = connection_.Ask(
          "SELECT connection_id_config, token_current_since_at, ticket_current_since_at "
          "FROM quic_key_set");
      if (!query.Next()) return std::optional<model::QuicKeys>();
      keys.connection_id_config = static_cast<uint32_t>(query.Number(0));
      keys.token_current_since = query.Time(1);
      keys.ticket_current_since = query.Time(2);
    }
    for (auto [role, key] : {std::pair("connection_id", &keys.connection_id),
                             std::pair("token_current", &keys.token_current),
                             std::pair("ticket_current", &keys.ticket_current),
                             std::pair("ticket_next", &keys.ticket_next)}) {
      LS_ASSIGN_OR_RETURN(std::optional<model::QuicKey> found, FindKey(role));
      if (!found) return DataLoss("QUIC key " + std::string(role) + " is missing");
      *key = *std::move(found);
    }
    LS_ASSIGN_OR_RETURN(keys.token_previous, FindKey("token_previous"));
    LS_ASSIGN_OR_RETURN(keys.token_next, FindKey("token_next"));
    LS_ASSIGN_OR_RETURN(keys.ticket_previous, FindKey("ticket_previous"));
    return std::optional(std::move(keys));
  });
}

Status QuicKeyTable::Put(const model::QuicKeys& keys) {
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute("DELETE FROM quic_keys");
    connection_.Execute(
        "INSERT INTO quic_key_set (only_row, connection_id_config, token_current_since_at, "
        "ticket_current_since_at) VALUES (1, ?, ?, ?) ON CONFLICT (only_row) DO UPDATE SET "
        "connection_id_config = excluded.connection_id_config, "
        "token_current_since_at = excluded.token_current_since_at, "
        "ticket_current_since_at = excluded.ticket_current_since_at",
        uint64_t{keys.connection_id_config}, keys.token_current_since, keys.ticket_current_since);
    LS_RETURN_IF_ERROR(PutKey("connection_id", keys.connection_id));
    LS_RETURN_IF_ERROR(PutKey("token_current", keys.token_current));
    LS_RETURN_IF_ERROR(PutKey("ticket_current", keys.ticket_current));
    LS_RETURN_IF_ERROR(PutKey("ticket_next", keys.ticket_next));
    if (keys.token_previous) LS_RETURN_IF_ERROR(PutKey("token_previous", *keys.token_previous));
    if (keys.token_next) LS_RETURN_IF_ERROR(PutKey("token_next", *keys.token_next));
    if (keys.ticket_previous) LS_RETURN_IF_ERROR(PutKey("ticket_previous", *keys.ticket_previous));
    return Status::Ok();
  });
}

}  // namespace lockstep::controller::store::sqlite
