#include "common/base/encoding.h"
#include "common/crypto/digest.h"
#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store::sqlite {
namespace {

model::Generation ReadHead(const Query& row) {
  model::Generation generation;
  generation.number = row.Number(0);
  generation.epoch_counter = row.Number(1);
  generation.start_id = row.Blob(2);
  generation.state =
      row.Enum(3, model::GenerationState::kQueued, model::GenerationState::kRolledBack);
  generation.cause = row.Text(4);
  generation.problem = row.Text(5);
  generation.created_at = row.Time(6);
  generation.ended_at = row.OptionalTime(7);
  generation.digest = row.Blob(8);
  return generation;
}

}  // namespace

std::optional<model::Generation> GenerationTable::ReadOne(Query& query) {
  if (!query.Next()) return std::nullopt;
  model::Generation generation = ReadHead(query);
  Query resources = connection_.Ask(
      "SELECT type, name, sha256 FROM generation_resources WHERE generation = ? "
      "ORDER BY type, name",
      generation.number);
  while (resources.Next()) {
    generation.resources.push_back({resources.Text(0), resources.Text(1), resources.Blob(2)});
  }
  return generation;
}

Result<std::optional<model::Generation>> GenerationTable::Find(uint64_t number) {
  return Guarded(connection_, [&]() -> Result<std::optional<model::Generation>> {
    Query query = connection_.Ask(
        "SELECT number, epoch_counter, start_id, state, cause, problem, created_at, ended_at, "
        "digest FROM generations WHERE number = ?",
        number);
    return ReadOne(query);
  });
}

Result<model::Generation> GenerationTable::Get(uint64_t number) {
  LS_ASSIGN_OR_RETURN(std::optional<model::Generation> found, Find(number));
  if (!found) return NotFound("no generation " + std::to_string(number));
  return *std::move(found);
}

Result<std::optional<model::Generation>> GenerationTable::FindNewest() {
  return Guarded(connection_, [&]() -> Result<std::optional<model::Generation>> {
    Query query = connection_.Ask(
        "SELECT number, epoch_counter, start_id, state, cause, problem, created_at, ended_at, "
        "digest FROM generations ORDER BY number DESC LIMIT 1");
    return ReadOne(query);
  });
}

Result<std::optional<model::Generation>> GenerationTable::FindLastKnownGood() {
  return Guarded(connection_, [&]() -> Result<std::optional<model::Generation>> {
    Query query = connection_.Ask(
        "SELECT number, epoch_counter, start_id, state, cause, problem, created_at, ended_at, "
        "digest FROM generations WHERE state = ? ORDER BY number DESC LIMIT 1",
        model::GenerationState::kLastKnownGood);
    return ReadOne(query);
  });
}

Result<std::vector<model::Generation>> GenerationTable::List(size_t limit, uint64_t before) {
  return Guarded(connection_, [&]() -> Result<std::vector<model::Generation>> {
    std::vector<model::Generation> generations;
    Query query = connection_.Ask(
        "SELECT number, epoch_counter, start_id, state, cause, problem, created_at, ended_at, "
        "digest FROM generations WHERE ?1 = 0 OR number < ?1 ORDER BY number DESC LIMIT ?2",
        before, limit);
    while (query.Next()) generations.push_back(ReadHead(query));
    return generations;
  });
}

uint64_t GenerationTable::NewestNumber() {
  Query query = connection_.Ask("SELECT coalesce(max(number), 0) FROM generations");
  query.Next();
  return query.Number(0);
}

Status GenerationTable::Create(const model::Generation& generation) {
  return Guarded(connection_, [&]() -> Status {
    const uint64_t newest = NewestNumber();
    if (generation.number <= newest) {
      return FailedPrecondition("generation " + std::to_string(generation.number) +
                                " is not newer than generation " + std::to_string(newest));
    }
    connection_.Execute(
        "INSERT INTO generations (number, epoch_counter, start_id, state, cause, problem, "
        "created_at, ended_at, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        generation.number, generation.epoch_counter, Bytes{generation.start_id}, generation.state,
        generation.cause, generation.problem, generation.created_at, generation.ended_at,
        Bytes{generation.digest});
    for (const model::GenerationResource& resource : generation.resources) {
      connection_.Execute(
          "INSERT INTO generation_resources (generation, type, name, sha256) VALUES (?, ?, ?, ?)",
          generation.number, resource.type, resource.name, Bytes{resource.sha256});
    }
    return Status::Ok();
  });
}

Status GenerationTable::Update(const model::Generation& generation) {
  return Guarded(connection_, [&]() -> Status {
    const int64_t updated = connection_.Execute(
        "UPDATE generations SET state = ?, problem = ?, ended_at = ? WHERE number = ?",
        generation.state, generation.problem, generation.ended_at, generation.number);
    if (updated == 0) return NotFound("no generation " + std::to_string(generation.number));
    return Status::Ok();
  });
}

Result<size_t> GenerationTable::Prune(size_t keep) {
  return Guarded(connection_, [&]() -> Result<size_t> {
    return static_cast<size_t>(connection_.Execute(
        "DELETE FROM generations WHERE ended_at IS NOT NULL "
        "AND number NOT IN (SELECT number FROM generations ORDER BY number DESC "
        "LIMIT max(?, 1)) "
        "AND number IS NOT (SELECT max(number) FROM generations WHERE state = ?)",
        keep, model::GenerationState::kLastKnownGood));
  });
}

Result<std::optional<std::string>> ResourceTable::Find(const std::string& sha256) {
  return Guarded(connection_, [&]() -> Result<std::optional<std::string>> {
    Query query =
        connection_.Ask("SELECT sealed_body FROM resources WHERE sha256 = ?", Bytes{sha256});
    if (!query.Next()) return std::optional<std::string>();
    Result<crypto::Secret> body = key_.Open(query.Blob(0), "resource/" + HexEncode(sha256));
    if (!body.ok()) return body.status().Prefixed("resource " + HexEncode(sha256));
    if (crypto::Sha256(body->Reveal()) != sha256) {
      return DataLoss("resource " + HexEncode(sha256) + " is damaged");
    }
    return std::optional(std::string(body->Reveal()));
  });
}

Status ResourceTable::Put(const std::string& sha256, const std::string& body) {
  if (crypto::Sha256(body) != sha256) {
    return InvalidArgument("a resource body does not hash to " + HexEncode(sha256));
  }
  return Guarded(connection_, [&]() -> Status {
    {
      Query query = connection_.Ask("SELECT 1 FROM resources WHERE sha256 = ?", Bytes{sha256});
      if (query.Next()) return Status::Ok();
    }
    LS_ASSIGN_OR_RETURN(const std::string sealed, key_.Seal(body, "resource/" + HexEncode(sha256)));
    connection_.Execute("INSERT INTO resources (sha256, sealed_body) VALUES (?, ?)", Bytes{sha256},
                        Bytes{sealed});
    return Status::Ok();
  });
}

Result<size_t> ResourceTable::Prune() {
  return Guarded(connection_, [&]() -> Result<size_t> {
    return static_cast<size_t>(connection_.Execute(
        "DELETE FROM resources WHERE NOT EXISTS (SELECT 1 FROM generation_resources AS g "
        "WHERE g.sha256 = resources.sha256)"));
  });
}

}  // namespace lockstep::controller::store::sqlite
