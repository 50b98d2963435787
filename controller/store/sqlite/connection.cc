#include "controller/store/sqlite/connection.h"

#include <sqlite3.h>

#include <cerrno>

namespace lockstep::controller::store::sqlite {
namespace {

bool IsFull(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

Status StatusOf(int code, int extended_code, int system_error, const std::string& path,
                const std::string& text) {
  const std::string database = "database " + path;
  if (code == SQLITE_FULL || (code == SQLITE_IOERR && IsFull(system_error))) {
    return ResourceExhausted("no space left for the " + database +
                             ": nothing was changed; free some space and repeat");
  }
  switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DataLoss(database + " is damaged (" + text + "): restore it from a backup");
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      return PermissionDenied(database + " may not be written: " + text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Unavailable(database + " is in use by another program: " + text);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
      return Unavailable(database + " cannot be used: " + text +
                         (system_error == 0 ? "" : ": " + FromErrno(system_error, "").message()));
    default:
      return Internal(database + ": " + text + " (sqlite code " + std::to_string(extended_code) +
                      ")");
  }
}

}  // namespace

Query::~Query() {
  statement_.tryReset();
  // Arguments may be secrets: they do not stay in the cache.
  statement_.clearBindings();
}

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& path, bool read_only) {
  try {
    return std::unique_ptr<Connection>(new Connection(
        path, (read_only ? SQLite::OPEN_READONLY : SQLite::OPEN_READWRITE) | SQLITE_OPEN_NOFOLLOW));
  } catch (const SQLite::Exception& error) {
    return StatusOf(error.getErrorCode(), error.getExtendedErrorCode(), 0, path, error.what());
  }
}

bool Connection::InTransaction() const {
  return sqlite3_get_autocommit(database_.getHandle()) == 0;
}

SQLite::Statement& Connection::Prepared(const char* sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    found = statements_.try_emplace(sql, database_, sql).first;
  }
  return found->second;
}

Status Connection::ToStatus(const SQLite::Exception& error) const {
  return StatusOf(error.getErrorCode(), error.getExtendedErrorCode(),
                  // sqlite3_system_errno() stays 0 after failed writes (3.40, measured).
                  errno, path_, error.what());
}

Status Connection::ToStatus(const DamagedValue& damaged) const {
  return DataLoss("database " + path_ + " holds a damaged value (" + damaged.what +
                  "): restore it from a backup");
}

}  // namespace lockstep::controller::store::sqlite
