#include "agent/drivers/quicd/driver.h"

#include <utility>

#include "common/crypto/digest.h"
#include "common/log/log.h"

namespace lockstep::agent::drivers::quicd {

QuicdDriver::QuicdDriver(QuicdOptions options) : QuicdDriver(std::move(options), nullptr) {}

QuicdDriver::QuicdDriver(QuicdOptions options, std::unique_ptr<Control> control)
    : options_(std::move(options)),
      control_(control ? std::move(control) : std::make_unique<ControlClient>(options_.control)) {}

std::vector<std::string> QuicdDriver::Capabilities() {
  const auto status = control_->GetStatus();
  if (!status.ok()) return {};
  return {"lockstep-quicd/" + status->program_version()};
}

Status QuicdDriver::Check(const reconcile::Desired& desired) {
  if (desired.quic_server != reconcile::QuicServer::kQuicd) return Status::Ok();
  return control_->GetStatus().status();
}

Status QuicdDriver::Apply(const reconcile::Desired& desired, const reconcile::Desired*) {
  if (desired.quic_server != reconcile::QuicServer::kQuicd) return Release();
  const crypto::Secret config = RenderConfig(desired, options_.render);
  LS_ASSIGN_OR_RETURN(const std::string digest, control_->Configure(config.Reveal()));
  const std::string wanted = crypto::Sha256(config.Reveal());
  if (digest != wanted) {
    return Internal("lockstep-quicd says that it serves another configuration than it was given");
  }
  applied_digest_ = wanted;
  serves_ = true;
  return Status::Ok();
}

Status QuicdDriver::Release() {
  applied_digest_.reset();
  serves_ = false;
  const auto status = control_->GetStatus();
  if (status.status().code() == Code::kUnavailable) return Status::Ok();
  LS_RETURN_IF_ERROR(status.status());
  if (status->config_version().empty()) return Status::Ok();
  return control_->Release();
}

Status QuicdDriver::Ensure() {
  if (!applied_digest_) return Status::Ok();
  LS_ASSIGN_OR_RETURN(const auto status, control_->GetStatus());
  if (status.config_version().empty()) return NotFound("lockstep-quicd lost its configuration");
  if (status.config_digest() == *applied_digest_) return Status::Ok();
  return Aborted("somebody changed the configuration of lockstep-quicd");
}

std::vector<std::string> QuicdDriver::Inspect() {
  const Status serving = Ensure();
  return serving.ok() ? std::vector<std::string>() : std::vector{serving.message()};
}

void QuicdDriver::Watch(std::function<void()> on_restart) {
  watch_ =
      std::make_unique<RestartWatch>(options_.control, [this, on_restart = std::move(on_restart)] {
        if (!serves_) return;
        log::Warning("quicd.restarted", {{"socket", options_.control.socket}});
        on_restart();
      });
}

}  // namespace lockstep::agent::drivers::quicd
