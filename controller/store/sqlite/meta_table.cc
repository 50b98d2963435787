#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {

Result<std::optional<model::Epoch>> MetaTable::FindEpoch() {
  return Guarded(connection_, [&]() -> Result<std::optional<model::Epoch>> {
    Query query = connection_.Ask("SELECT counter, id FROM epoch");
    if (!query.Next()) return std::optional<model::Epoch>();
    return std::optional(model::Epoch{query.Number(0), query.Blob(1)});
  });
}

Status MetaTable::PutEpoch(const model::Epoch& epoch) {
  LS_ASSIGN_OR_RETURN(const std::optional<model::Epoch> stored, FindEpoch());
  if (stored && *stored != epoch && epoch.counter <= stored->counter) {
    return FailedPrecondition("epoch " + std::to_string(epoch.counter) + " does not follow epoch " +
                              std::to_string(stored->counter));
  }
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute(
        "INSERT INTO epoch (only_row, counter, id) VALUES (1, ?, ?) "
        "ON CONFLICT (only_row) DO UPDATE SET counter = excluded.counter, id = excluded.id",
        epoch.counter, Bytes{epoch.id});
    return Status::Ok();
  });
}

Result<uint64_t> MetaTable::CreateStart(const std::string& id, WallTime started_at) {
  return Guarded(connection_, [&]() -> Result<uint64_t> {
    const int64_t created = connection_.Execute(
        "INSERT INTO starts (id, started_at, first_generation) "
        "VALUES (?, ?, (SELECT coalesce(max(number), 0) + 1 FROM generations)) "
        "ON CONFLICT (id) DO NOTHING",
        Bytes{id}, started_at);
    if (created == 0) return AlreadyExists("this start is in the list already");
    return static_cast<uint64_t>(connection_.LastRowId());
  });
}

Result<std::vector<Start>> MetaTable::ListStarts() {
  return Guarded(connection_, [&]() -> Result<std::vector<Start>> {
    std::vector<Start> starts;
    Query query = connection_.Ask(
        "SELECT ordinal, id, started_at, first_generation FROM starts ORDER BY ordinal");
    while (query.Next()) {
      starts.push_back({query.Number(0), query.Blob(1), query.Time(2), query.Number(3)});
    }
    return starts;
  });
}

Result<std::optional<std::string>> MetaTable::FindFlag(const std::string& name) {
  return Guarded(connection_, [&]() -> Result<std::optional<std::string>> {
    Query query = connection_.Ask("SELECT value FROM flags WHERE name = ?", name);
    if (!query.Next()) return std::optional<std::string>();
    return std::optional(query.Text(0));
  });
}

Status MetaTable::PutFlag(const std::string& name, const std::string& value) {
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute(
        "INSERT INTO flags (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name, value);
    return Status::Ok();
  });
}

Status MetaTable::DeleteFlag(const std::string& name) {
  return Guarded(connection_, [&]() -> Status {
    connection_.Execute("DELETE FROM flags WHERE name = ?", name);
    return Status::Ok();
  });
}

}  // namespace lockstep::controller::store::sqlite
