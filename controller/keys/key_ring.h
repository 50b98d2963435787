// KeyRing: the fleet's QUIC keys, in memory and stored, replaced when it is time.
#pragma once

#include <functional>

#include "common/status/status.h"
#include "common/task/executor.h"
#include "controller/fleet/journal.h"
#include "controller/keys/rotation.h"
#include "controller/store/database.h"

namespace lockstep::controller::keys {

// Lives on the state strand. No key is ever told to anybody but through `keys`.
class KeyRing {
 public:
  KeyRing(store::Database& database, task::Executor& state, fleet::Journal& journal,
          model::QuicKeys keys, Periods periods = {})
      : database_(database),
        state_(state),
        journal_(journal),
        periods_(periods),
        keys_(std::move(keys)) {}

  const model::QuicKeys& keys() const { return keys_; }
  const Periods& periods() const { return periods_; }

  // From now on keys are replaced when it is time. `held_by_all`: every node that counts as
  // announcing serves a proved generation with these keys. `changed`: other keys are stored, and
  // are to go out; `cause` in words.
  void Start(std::function<bool(const model::QuicKeys&)> held_by_all,
             std::function<void(const std::string& cause)> changed);

  // As if the periods had run out. FAILED_PRECONDITION while some node does not hold the keys.
  void RotateNow(std::function<void(Status)> done);

 private:
  void Tick();
  void Take(Step step, std::function<void(Status)> done);

  store::Database& database_;
  task::Executor& state_;
  fleet::Journal& journal_;
  const Periods periods_;
  model::QuicKeys keys_;
  bool storing_ = false;
  std::function<bool(const model::QuicKeys&)> held_by_all_ = [](const auto&) { return false; };
  std::function<void(const std::string&)> changed_ = [](const auto&) {};
};

}  // namespace lockstep::controller::keys
