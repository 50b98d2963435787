#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {
namespace {

model::JoinToken ReadToken(const Query& row) {
  model::JoinToken token;
  token.id = row.Text(0);
  token.node = row.Parsed<NodeName>(1);
  token.pop = row.Parsed<PopName>(2);
  token.secret_sha256 = row.Blob(3);
  token.created_at = row.Time(4);
  token.expires_at = row.Time(5);
  if (!row.IsNull(6)) token.used_by_spki_sha256 = row.Blob(6);
  token.revoked = row.Bool(7);
  return token;
}

}  // namespace

Result<std::optional<model::JoinToken>> TokenTable::Find(const std::string& id) {
  return Guarded(connection_, [&]() -> Result<std::optional<model::JoinToken>> {
    Query query = connection_.Ask(
        "SELECT id, node, pop, secret_sha256, created_at, expires_at, used_by_spki_sha256, "
        "revoked FROM tokens WHERE id = ?",
        id);
    if (!query.Next()) return std::optional<model::JoinToken>();
    return std::optional(ReadToken(query));
  });
}

Result<std::vector<model::JoinToken>> TokenTable::List() {
  return Guarded(connection_, [&]() -> Result<std::vector<model::JoinToken>> {
    std::vector<model::JoinToken> tokens;
    Query query = connection_.Ask(
        "SELECT id, node, pop, secret_sha256, created_at, expires_at, used_by_spki_sha256, "
        "revoked FROM tokens ORDER BY created_at DESC, id DESC");
    while (query.Next()) tokens.push_back(ReadToken(query));
    return tokens;
  });
}

Status TokenTable::Create(const model::JoinToken& token) {
  return Guarded(connection_, [&]() -> Status {
    std::optional<Bytes> used_by;
    if (token.used_by_spki_sha256) used_by.emplace(Bytes{*token.used_by_spki_sha256});
    const int64_t created = connection_.Execute(
        "INSERT INTO tokens (id, node, pop, secret_sha256, created_at, expires_at, "
        "used_by_spki_sha256, revoked) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO NOTHING",
        token.id, token.node, token.pop, Bytes{token.secret_sha256}, token.created_at,
        token.expires_at, used_by, token.revoked);
    if (created == 0) return AlreadyExists("token " + token.id + " exists already");
    return Status::Ok();
  });
}

Status TokenTable::Redeem(const std::string& id, const std::string& spki_sha256) {
  LS_ASSIGN_OR_RETURN(const std::optional<model::JoinToken> token, Find(id));
  if (!token) return NotFound("no token " + Quoted(id));
  if (token->revoked) return FailedPrecondition("token " + id + " was revoked");
  if (token->used_by_spki_sha256 && *token->used_by_spki_sha256 != spki_sha256) {
    return AlreadyExists("token " + id + " was used by another key");
  }
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute("UPDATE tokens SET used_by_spki_sha256 = ? WHERE id = ?",
                        Bytes{spki_sha256}, id);
    return Status::Ok();
  });
}

Status TokenTable::Revoke(const std::string& id) {
  return Guarded(connection_, [&]() -> Status {
    if (connection_.Execute("UPDATE tokens SET revoked = 1 WHERE id = ?", id) == 0) {
      return NotFound("no token " + Quoted(id));
    }
    return Status::Ok();
  });
}

Result<size_t> TokenTable::Prune(WallTime time) {
  return Guarded(connection_, [&]() -> Result<size_t> {
    return static_cast<size_t>(
        connection_.Execute("DELETE FROM tokens WHERE expires_at < ?", time));
  });
}

}  // namespace lockstep::controller::store::sqlite
