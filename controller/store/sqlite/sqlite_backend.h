// SqliteBackend: the stores in one SQLite file (WAL, synchronous=FULL), next to the controller.
//
//   <path>, <path>-wal, <path>-shm   0600
//   <path>.before-<schema>           the copy made before a migration to that schema
//   <directory>/LOCK                 held while open: one writer
#pragma once

#include <memory>
#include <string>

#include "common/crypto/sealing.h"
#include "common/status/status.h"
#include "controller/store/backend.h"

namespace lockstep::controller::store {

class SqliteBackend : public Backend {
 public:
  // Opens or makes the database, checks its integrity, its schema and that `key` is the one it was
  // sealed with, and migrates it. The directory exists and is ours alone; an absolute path.
  // FAILED_PRECONDITION: another process has it, another program's file, a newer release's
  // database, another sealing key. DATA_LOSS: damaged.
  static Result<std::unique_ptr<SqliteBackend>> Open(const std::string& path,
                                                     crypto::SealingKey key);

  // As Backup, of a database that this process has not opened; the controller may be running.
  static Status BackupFile(const std::string& path, const std::string& to);
};

}  // namespace lockstep::controller::store
