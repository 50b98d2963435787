// PromiseStore: what the fleet promises in Alt-Svc, and what nodes may have told clients of it.
#pragma once

#include <string>
#include <vector>

#include "common/status/status.h"
#include "controller/model/promise.h"

namespace lockstep::controller::store {

class PromiseStore {
 public:
  virtual ~PromiseStore() = default;
  // By site, `held_since` unset.
  virtual Result<std::vector<model::SitePromise>> List() = 0;
  // Creates or replaces each as a whole.
  virtual Status Put(const std::vector<model::SitePromise>& promises) = 0;
  virtual Status Delete(const std::string& site) = 0;
  // Of the fleet; empty in a database that has none.
  virtual Result<model::KeepingState> GetKeeping() = 0;
  virtual Status PutKeeping(const model::KeepingState& keeping) = 0;
};

}  // namespace lockstep::controller::store
