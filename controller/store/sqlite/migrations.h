// Migrations: the schema, one numbered step after another.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/status/status.h"
#include "controller/store/sqlite/connection.h"

namespace lockstep::controller::store::sqlite {

// "LSTP": what `file` and we recognise a Lockstep database by.
inline constexpr int32_t kApplicationId = 0x4c535450;

struct Migration {
  int version = 0;  // from 1, without gaps
  // The oldest code, by its newest migration, that may use a database that went through this one.
  int compatible_version = 0;
  const char* sql = nullptr;
};

// What this code knows, oldest first.
std::span<const Migration> KnownMigrations();

struct SchemaVersion {
  int version = 0;  // 0: an empty database
  int compatible_version = 0;
};
// FAILED_PRECONDITION if the file is some other program's database.
Result<SchemaVersion> ReadSchemaVersion(Connection& connection);

// Brings the database from its version to that of the last of `known`, each step in a transaction
// of its own. FAILED_PRECONDITION if a newer release of Lockstep has changed it in a way that this
// one does not know; nothing is changed then.
Status CheckSchemaVersion(const SchemaVersion& stored, std::span<const Migration> known,
                          const std::string& path);
Status Migrate(Connection& connection, std::span<const Migration> known);

}  // namespace lockstep::controller::store::sqlite
