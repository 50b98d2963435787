#include "controller/store/sqlite/sqlite_backend.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "common/base/fd.h"
#include "common/fsutil/files.h"
#include "common/log/log.h"
#include "controller/store/sqlite/backup.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/migrations.h"
#include "controller/store/sqlite/tables.h"

namespace lockstep::controller::store {
namespace {

using sqlite::Connection;
using sqlite::Guarded;

constexpr int kBusyMillis = 5000;  // a backup of another process may hold the file for a moment
constexpr char kSealingCheck[] = "sealing-check";

// SQLite gives -wal and -shm the mode of the database file, so that this one decides.
Status PrepareFile(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return FromErrno(errno, "cannot open database " + path);
  struct stat stat {};
  if (fstat(fd.get(), &stat) != 0) return FromErrno(errno, "cannot look at database " + path);
  if (!S_ISREG(stat.st_mode)) return FailedPrecondition("database " + path + " is no regular file");
  if ((stat.st_mode & 07777) != 0600 && fchmod(fd.get(), 0600) != 0) {
    return FromErrno(errno, "cannot make database " + path + " private");
  }
  return Status::Ok();
}

Status Configure(Connection& connection) {
  return Guarded(connection, [&]() -> Status {
    sqlite3* handle = connection.database().getHandle();
    connection.database().setBusyTimeout(kBusyMillis);
    // A damaged or planted schema may not call functions, write shadow tables or be misread.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    connection.Script("PRAGMA cell_size_check = ON");
    connection.Script("PRAGMA foreign_keys = ON");
    connection.Script("PRAGMA temp_store = MEMORY");
    connection.Script("PRAGMA synchronous = FULL");
    connection.Script("PRAGMA journal_size_limit = 16777216");
    return Status::Ok();
  });
}

Status UseWal(Connection& connection) {
  return Guarded(connection, [&]() -> Status {
    const std::string mode =
        connection.database().execAndGet("PRAGMA journal_mode = WAL").getString();
    if (mode == "wal") return Status::Ok();
    return Unavailable("database " + connection.path() +
                       " cannot use a write-ahead log here: put it on a local disk");
  });
}

Status CheckIntegrity(Connection& connection) {
  return Guarded(connection, [&]() -> Status {
    SQLite::Statement check(connection.database(), "PRAGMA integrity_check(5)");
    std::string problems;
    while (check.executeStep()) {
      const std::string line = check.getColumn(0).getString();
      if (line != "ok") problems += (problems.empty() ? "" : "; ") + line;
    }
    SQLite::Statement orphans(connection.database(), "PRAGMA foreign_key_check");
    if (orphans.executeStep()) {
      problems += (problems.empty() ? "" : "; ") + std::string("orphaned rows in ") +
                  orphans.getColumn(0).getString();
    }
    if (problems.empty()) return Status::Ok();
    return DataLoss("database " + connection.path() + " is damaged (" + problems +
                    "): restore it from a backup");
  });
}

// Migrates, after a copy if there is anything to lose.
Status BringUpToDate(Connection& connection) {
  const auto known = sqlite::KnownMigrations();
  LS_ASSIGN_OR_RETURN(const sqlite::SchemaVersion stored, sqlite::ReadSchemaVersion(connection));
  LS_RETURN_IF_ERROR(sqlite::CheckSchemaVersion(stored, known, connection.path()));
  if (stored.version > 0 && stored.version < known.back().version) {
    const std::string copy = connection.path() + ".before-" + std::to_string(known.back().version);
    // One that is there is of a migration that did not end: as good as ours.
    const Status copied = sqlite::CopyDatabase(connection, copy);
    if (!copied.ok() && copied.code() != Code::kAlreadyExists) {
      return copied.Prefixed("backup before a migration");
    }
    log::Info("store.migrating",
              {{"from", stored.version}, {"to", known.back().version}, {"backup", copy}});
  }
  return sqlite::Migrate(connection, known);
}

Status CheckSealingKey(Connection& connection, const crypto::SealingKey& key) {
  return Guarded(connection, [&]() -> Status {
    {
      sqlite::Query query = connection.Ask("SELECT sealed FROM sealing_check");
      if (query.Next()) {
        return key.Open(query.Blob(0), kSealingCheck)
            .status()
            .Prefixed("database " + connection.path());
      }
    }
    LS_ASSIGN_OR_RETURN(const std::string sealed, key.Seal(kSealingCheck, kSealingCheck));
    connection.Execute("INSERT INTO sealing_check (only_row, sealed) VALUES (1, ?)",
                       sqlite::Bytes{sealed});
    return Status::Ok();
  });
}

class OpenBackend final : public SqliteBackend {
 public:
  OpenBackend(fsutil::DirectoryLock lock, std::unique_ptr<Connection> connection,
              crypto::SealingKey key)
      : lock_(std::move(lock)),
        connection_(std::move(connection)),
        key_(std::move(key)),
        tables_(*connection_, key_) {}

  Stores& stores() override { return tables_.stores(); }
  Status Begin() override { return Run("BEGIN IMMEDIATE"); }
  Status Commit() override {
    Status status = Run("COMMIT");
    if (!status.ok()) Rollback();
    return status;
  }
  void Rollback() override {
    if (!InTransaction()) return;
    const Status status = Run("ROLLBACK");
    // Otherwise the next transaction would take this one's leavings along.
    LS_CHECK(!InTransaction());
    if (!status.ok()) log::Warning("store.rollback_failed", {{"status", status}});
  }
  Status Savepoint() override { return Run("SAVEPOINT one"); }
  Status Release() override { return Run("RELEASE one"); }
  Status RollbackTo() override {
    LS_RETURN_IF_ERROR(Run("ROLLBACK TO one"));
    return Release();
  }
  bool InTransaction() const override { return connection_->InTransaction(); }
  Status Backup(const std::string& path) override {
    return sqlite::CopyDatabase(*connection_, path);
  }

 private:
  Status Run(const char* sql) {
    return Guarded(*connection_, [&]() -> Status {
      connection_->Execute(sql);
      return Status::Ok();
    });
  }

  fsutil::DirectoryLock lock_;
  std::unique_ptr<Connection> connection_;
  crypto::SealingKey key_;
  sqlite::Tables tables_;
};

}  // namespace

Result<std::unique_ptr<SqliteBackend>> SqliteBackend::Open(const std::string& path,
                                                           crypto::SealingKey key) {
  if (path.empty() || path[0] != '/') {
    return InvalidArgument("the path of the database must be absolute, not " + path);
  }
  LS_ASSIGN_OR_RETURN(fsutil::DirectoryLock lock,
                      fsutil::DirectoryLock::Acquire(std::filesystem::path(path).parent_path()));
  LS_RETURN_IF_ERROR(PrepareFile(path));
  LS_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connection::Open(path, false));
  LS_RETURN_IF_ERROR(Configure(*connection));
  LS_RETURN_IF_ERROR(CheckIntegrity(*connection));
  LS_RETURN_IF_ERROR(BringUpToDate(*connection));
  LS_RETURN_IF_ERROR(UseWal(*connection));
  LS_RETURN_IF_ERROR(CheckSealingKey(*connection, key));
  return std::unique_ptr<SqliteBackend>(
      new OpenBackend(std::move(lock), std::move(connection), std::move(key)));
}

Status SqliteBackend::BackupFile(const std::string& path, const std::string& to) {
  LS_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connection::Open(path, true));
  LS_RETURN_IF_ERROR(Configure(*connection));
  LS_ASSIGN_OR_RETURN(const sqlite::SchemaVersion stored, sqlite::ReadSchemaVersion(*connection));
  if (stored.version == 0) return FailedPrecondition("database " + path + " is empty");
  return sqlite::CopyDatabase(*connection, to);
}

}  // namespace lockstep::controller::store
