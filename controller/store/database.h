// Database: transactions over the stores, run one after another on the store strand.
//
//   database.Run(
//       [order](Stores& stores) -> Status {
//         LS_RETURN_IF_ERROR(stores.orders.Create(order));
//         return AppendEvent(stores, ...);
//       },
//       [this](Status status) { OnStored(status); }, state_strand);
//
// Group commit: what is queued shares one transaction and one fsync, each closure within its own
// savepoint, so that the failure of one undoes that one alone. When the shared transaction itself
// fails, each closure runs again in a transaction of its own. A closure may therefore run twice:
// results that it leaves elsewhere are assigned, never appended.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "common/task/executor.h"
#include "controller/store/backend.h"
#include "controller/store/stores.h"

namespace lockstep::controller::store {

// An error undoes everything the closure did; its status is handed to Done.
using Transaction = std::function<Status(Stores&)>;
// Ok once it is on the disk.
using Done = std::function<void(Status)>;

// Thread-safe. Backend and strand outlive it; the strand is stopped before it is destroyed.
class Database {
 public:
  Database(Backend& backend, task::Executor& strand) : backend_(backend), strand_(strand) {}
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Never blocks. `done` is posted to `reply_on`, in the order of the calls. After the strand was
  // stopped nothing runs any more, `done` neither.
  void Run(Transaction transaction, Done done, task::Executor& reply_on);

  // One transaction on the calling thread, which waits: for start-up, tools and tests.
  Status RunNow(const Transaction& transaction);

  // A consistent copy of everything, to a new 0600 file.
  void Backup(std::string path, Done done, task::Executor& reply_on);

 private:
  struct Queued {
    Transaction transaction;
    Done done;
    task::Executor* reply_on;
  };
  void Drain();
  // The statuses, one for each of `batch`.
  std::vector<Status> RunTogether(const std::vector<Queued>& batch);
  Status RunAlone(const Transaction& transaction);

  Backend& backend_;
  task::Executor& strand_;
  std::mutex queue_mutex_;
  std::deque<Queued> queue_;   // guarded by queue_mutex_
  bool drain_posted_ = false;  // guarded by queue_mutex_
  std::mutex backend_mutex_;   // guards backend_
};

}  // namespace lockstep::controller::store
