#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {

Result<std::optional<StoredPolicy>> PolicyTable::Find() {
  return Guarded(connection_, [&]() -> Result<std::optional<StoredPolicy>> {
    Query query = connection_.Ask("SELECT text, applied_at FROM policy");
    if (!query.Next()) return std::optional<StoredPolicy>();
    return std::optional(StoredPolicy{query.Text(0), query.Time(1)});
  });
}

Status PolicyTable::Put(const StoredPolicy& policy) {
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute(
        "INSERT INTO policy (only_row, text, applied_at) VALUES (1, ?, ?) "
        "ON CONFLICT (only_row) DO UPDATE SET text = excluded.text, "
        "applied_at = excluded.applied_at",
        policy.text, policy.applied_at);
    return Status::Ok();
  });
}

}  // namespace lockstep::controller::store::sqlite
