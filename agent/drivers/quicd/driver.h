// QuicdDriver: the Driver of the local lockstep-quicd, over its control socket.
//
// What the server runs is asked each time: it keeps nothing over a restart, and says the digest of
// what it serves.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/apply/driver.h"
#include "agent/drivers/quicd/control.h"
#include "agent/drivers/quicd/control_client.h"
#include "agent/drivers/quicd/render.h"
#include "agent/drivers/quicd/restart_watch.h"

namespace lockstep::agent::drivers::quicd {

struct QuicdOptions {
  ControlOptions control;
  RenderSettings render;
};

class QuicdDriver : public apply::Driver {
 public:
  explicit QuicdDriver(QuicdOptions options);
  QuicdDriver(QuicdOptions options, std::unique_ptr<Control> control);

  std::string name() const override { return "lockstep-quicd"; }
  // "lockstep-quicd/1.2.3"; nothing while it is not there.
  std::vector<std::string> Capabilities() override;
  // Where it is to serve: it is there, and of whom it should be.
  Status Check(const reconcile::Desired& desired) override;
  // Where it is not to serve, it lets go of UDP 443; one that is not there has none. Where it is to
  // refuse QUIC it is left without the service addresses, and ended if it does not take that.
  Status Apply(const reconcile::Desired& desired, const reconcile::Desired* before) override;
  // NOT_FOUND once it has lost what was applied.
  Status Ensure() override;
  std::vector<std::string> Inspect() override;
  std::vector<std::string> WhyNotRefused() override;
  void Watch(std::function<void()> on_restart) override;
  void StopWatching() override { watch_.reset(); }

 private:
  Status Release();
  Status Configure(const reconcile::Desired& desired);
  void Silence(const Status& why);

  const QuicdOptions options_;
  const std::unique_ptr<Control> control_;
  std::optional<std::string> applied_digest_;  // unset: it is to serve nothing
  std::atomic<bool> serves_{false};            // whether that is set, for the watch's thread
  std::string not_refused_;  // why what hangs could not be ended; empty: nothing does
  std::unique_ptr<RestartWatch> watch_;
};

}  // namespace lockstep::agent::drivers::quicd
