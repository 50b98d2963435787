// Many looks at once.
#pragma once

#include <functional>
#include <vector>

#include "common/look/observer.h"
#include "common/task/worker_pool.h"

namespace lockstep::look {

using Observations = std::vector<types::v1::Observation>;

// Runs all looks, as many at a time as the pool has threads, and gives their observations in the
// order of `looks` to `done`, which runs on a thread of the pool (at once, on the caller's, if there
// is nothing to look at). `deadline` is for each look; one that would start after `all_before` is
// not made and says so. `done` is dropped when the pool is stopped. `observer` and `clock` must
// outlive the pool.
void ObserveAll(task::WorkerPool& pool, Observer& observer, const Clock& clock,
                std::vector<Look> looks, Micros deadline, MonoTime all_before,
                std::function<void(Observations)> done);

}  // namespace lockstep::look
