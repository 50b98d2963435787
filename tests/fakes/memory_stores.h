// MemoryBackend: the stores in maps, for tests of what stands above them. Passes the same contract
// suite as SQLite (tests/contract).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controller/store/backend.h"
#include "controller/store/stores.h"

namespace lockstep::fakes {

// A transaction is a copy of the maps that is put back on a rollback.
class MemoryBackend : public controller::store::Backend {
 public:
  MemoryBackend();
  ~MemoryBackend() override;

  controller::store::Stores& stores() override;
  Status Begin() override;
  Status Commit() override;
  void Rollback() override;
  Status Savepoint() override;
  Status Release() override;
  Status RollbackTo() override;
  bool InTransaction() const override;
  // UNIMPLEMENTED: there is nothing to copy to.
  Status Backup(const std::string& path) override;

  // The next Commit fails with this, as a full disk would make it; the one after works again.
  void FailNextCommit(Status status) { next_commit_ = std::move(status); }
  // Called before each Commit, while what it would store is in stores(); an error fails it.
  void OnCommit(std::function<Status()> on_commit) { on_commit_ = std::move(on_commit); }
  // How many transactions were committed.
  int commits() const { return commits_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  Status next_commit_;
  std::function<Status()> on_commit_ = [] { return Status::Ok(); };
  int commits_ = 0;
};

}  // namespace lockstep::fakes
