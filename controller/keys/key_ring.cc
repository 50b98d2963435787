#include "controller/keys/key_ring.h"

#include <utility>

namespace lockstep::controller::keys {
namespace {

constexpr Micros kTick = Seconds(60);

}  // namespace

void KeyRing::Start(std::function<bool(const model::QuicKeys&)> held_by_all,
                    std::function<void(const std::string&)> changed) {
  held_by_all_ = std::move(held_by_all);
  changed_ = std::move(changed);
  state_.PostAfter(kTick, [this] { Tick(); });
}

void KeyRing::Tick() {
  state_.PostAfter(kTick, [this] { Tick(); });
  if (storing_) return;
  Step step = NextStep(keys_, state_.clock().Now(), periods_, held_by_all_(keys_));
  if (!step.cause.empty()) Take(std::move(step), [](const Status&) {});
}

void KeyRing::RotateNow(std::function<void(Status)> done) {
  if (storing_) return done(Aborted("other keys are being stored at this moment; try again"));
  Step step = NextStep(keys_, state_.clock().Now(), periods_, held_by_all_(keys_), true);
  if (step.cause.empty()) {
    return done(FailedPrecondition(
        "not every announcing node serves a generation with the present keys yet, and what one "
        "node makes the others must be able to read: see `lockstep status` for who is missing"));
  }
  Take(std::move(step), std::move(done));
}

void KeyRing::Take(Step step, std::function<void(Status)> done) {
  storing_ = true;
  database_.Run([keys = step.keys](store::Stores& stores) { return stores.quic_keys.Put(keys); },
                [this, step, done = std::move(done)](const Status& status) {
                  storing_ = false;
                  if (status.ok()) {
                    keys_ = step.keys;
                    journal_.Info("quic_keys.moved", "fleet", step.cause);
                    changed_(step.cause);
                  } else {
                    journal_.Error("quic_keys.not_stored", "fleet", status.message());
                  }
                  done(status);
                },
                state_);
}

}  // namespace lockstep::controller::keys
