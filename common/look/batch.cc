#include "common/look/batch.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

namespace lockstep::look {
namespace {

struct Batch {
  std::vector<Look> looks;
  Observations seen;            // each look writes its own element
  std::atomic<size_t> left{0};  // who takes the last one calls `done`
  std::function<void(Observations)> done;
};

}  // namespace

void ObserveAll(task::WorkerPool& pool, Observer& observer, const Clock& clock,
                std::vector<Look> looks, Micros deadline, MonoTime all_before,
                std::function<void(Observations)> done) {
  if (looks.empty()) return done({});
  const auto batch = std::make_shared<Batch>();
  batch->looks = std::move(looks);
  batch->seen.resize(batch->looks.size());
  batch->left = batch->looks.size();
  batch->done = std::move(done);
  for (size_t i = 0; i < batch->looks.size(); ++i) {
    pool.Post([batch, i, &observer, &clock, deadline, all_before](std::stop_token stop) {
      const Micros remaining = all_before - clock.Mono();
      if (remaining <= Micros(0)) {
        batch->seen[i] = Unseen(batch->looks[i], clock.Now());
        batch->seen[i].set_error("the time for all looks was over before this one");
      } else {
        batch->seen[i] = observer.Observe(batch->looks[i], std::min(deadline, remaining), stop);
      }
      if (batch->left.fetch_sub(1) == 1) batch->done(std::move(batch->seen));
    });
  }
}

std::optional<Observations> ObserveAndWait(task::WorkerPool& pool, Observer& observer,
                                           const Clock& clock, std::vector<Look> looks,
                                           Micros deadline, MonoTime all_before,
                                           std::stop_token stop) {
  // Shared: after a stop the looks under way still end, and find where to put what they saw.
  struct Waiting {
    std::mutex mutex;
    std::condition_variable_any ended;
    std::optional<Observations> seen;  // guarded by mutex
  };
  const auto waiting = std::make_shared<Waiting>();
  ObserveAll(pool, observer, clock, std::move(looks), deadline, all_before,
             [waiting](Observations seen) {
               const std::lock_guard lock(waiting->mutex);
               waiting->seen = std::move(seen);
               waiting->ended.notify_all();
             });
  std::unique_lock lock(waiting->mutex);
  waiting->ended.wait(lock, stop, [&] { return waiting->seen.has_value(); });
  return std::move(waiting->seen);
}

}  // namespace lockstep::look
