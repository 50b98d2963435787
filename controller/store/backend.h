// Backend: what a database implementation gives to Database. One thread at a time.
#pragma once

#include <string>

#include "common/status/status.h"
#include "controller/store/stores.h"

namespace lockstep::controller::store {

// Begin (Savepoint (calls on stores) Release|RollbackTo)* Commit|Rollback. Savepoints do not nest.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual Stores& stores() = 0;
  virtual Status Begin() = 0;
  // Durable once it returns ok. On an error nothing of the transaction is stored and it has ended.
  virtual Status Commit() = 0;
  virtual void Rollback() = 0;
  virtual Status Savepoint() = 0;
  virtual Status Release() = 0;
  virtual Status RollbackTo() = 0;
  // False after the database itself gave up the transaction (a full disk does that).
  virtual bool InTransaction() const = 0;
  // A consistent copy in a new file, 0600, outside of any transaction. ALREADY_EXISTS rather than
  // overwrite one.
  virtual Status Backup(const std::string& path) = 0;
};

}  // namespace lockstep::controller::store
