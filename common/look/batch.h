// Many looks at once.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "common/look/observer.h"
#include "common/task/worker_pool.h"

namespace lockstep::look {

using Observations = std::vector<types::v1::Observation>;

// Runs all looks, as many at a time as the pool has threads, and gives their observations in the
// order of `looks` to `done`, which runs on a thread of the pool (at once, on the caller's, if
// there is nothing to look at). `deadline` is for each look; one that would start after
// `all_before` is not made and says so. `done` is dropped when the pool is stopped. `observer` and
// `clock` must outlive the pool.
void ObserveAll(task::WorkerPool& pool, Observer& observer, const Clock& clock,
                std::vector<Look> looks, Micros deadline, MonoTime all_before,
                std::function<void(Observations)> done);

// The same, waiting for the end. Nothing if `stop` was asked for before it. Not on a thread of the
// pool; the pool must outlive the call.
std::optional<Observations> ObserveAndWait(task::WorkerPool& pool, Observer& observer,
                                           const Clock& clock, std::vector<Look> looks,
                                           Micros deadline, MonoTime all_before,
                                           std::stop_token stop);

}  // namespace lockstep::look
