#include "controller/store/database.h"

#include <algorithm>
#include <utility>

namespace lockstep::controller::store {
namespace {

// So that what was queued later does not wait for ever on what is queued now.
constexpr size_t kLargestGroup = 256;

}  // namespace

void Database::Run(Transaction transaction, Done done, task::Executor& reply_on) {
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back({std::move(transaction), std::move(done), &reply_on});
    if (drain_posted_) return;
    drain_posted_ = true;
  }
  strand_.Post([this] { Drain(); });
}

Status Database::RunNow(const Transaction& transaction) {
  const std::lock_guard lock(backend_mutex_);
  return RunAlone(transaction);
}

void Database::Backup(std::string path, Done done, task::Executor& reply_on) {
  strand_.Post([this, path = std::move(path), done = std::move(done), &reply_on] {
    Status status;
    {
      const std::lock_guard lock(backend_mutex_);
      status = backend_.Backup(path);
    }
    reply_on.Post([done, status] { done(status); });
  });
}

void Database::Drain() {
  std::vector<Queued> batch;
  {
    const std::lock_guard lock(queue_mutex_);
    const auto end =
        queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kLargestGroup));
    std::move(queue_.begin(), end, std::back_inserter(batch));
    queue_.erase(queue_.begin(), end);
    drain_posted_ = !queue_.empty();
    if (drain_posted_) strand_.Post([this] { Drain(); });
  }
  std::vector<Status> statuses;
  {
    const std::lock_guard lock(backend_mutex_);
    statuses = RunTogether(batch);
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    batch[i].reply_on->Post(
        [done = std::move(batch[i].done), status = std::move(statuses[i])] { done(status); });
  }
}

std::vector<Status> Database::RunTogether(const std::vector<Queued>& batch) {
  const auto run_each_alone = [&] {
    std::vector<Status> statuses;
    statuses.reserve(batch.size());
    for (const Queued& queued : batch) statuses.push_back(RunAlone(queued.transaction));
    return statuses;
  };
  if (batch.size() == 1 || !backend_.Begin().ok()) return run_each_alone();
  std::vector<Status> statuses;
  statuses.reserve(batch.size());
  for (const Queued& queued : batch) {
    Status status = backend_.Savepoint();
    if (status.ok()) {
      status = queued.transaction(backend_.stores());
      if (backend_.InTransaction()) {
        const Status ended = status.ok() ? backend_.Release() : backend_.RollbackTo();
        if (!ended.ok()) backend_.Rollback();
      }
    }
    // The database gave up, and with this closure everything before it in the group is undone.
    if (!backend_.InTransaction()) return run_each_alone();
    statuses.push_back(std::move(status));
  }
  if (!backend_.Commit().ok()) return run_each_alone();
  return statuses;
}

Status Database::RunAlone(const Transaction& transaction) {
  LS_RETURN_IF_ERROR(backend_.Begin());
  Status status = transaction(backend_.stores());
  if (!backend_.InTransaction()) {
    // A closure that overlooks an error must not be told that it is stored.
    return status.ok() ? Aborted("the database gave up the transaction") : status;
  }
  if (!status.ok()) {
    backend_.Rollback();
    return status;
  }
  return backend_.Commit();
}

}  // namespace lockstep::controller::store
