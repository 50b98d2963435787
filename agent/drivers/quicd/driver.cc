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

// One that refuses may be away: there is nothing that it would have to do.
Status QuicdDriver::Check(const reconcile::Desired& desired) {
  if (desired.quic_server != reconcile::QuicServer::kQuicd) return Status::Ok();
  if (desired.refuse_quic) return Status::Ok();
  return control_->GetStatus().status();
}

Status QuicdDriver::Apply(const reconcile::Desired& desired, const reconcile::Desired*) {
  not_refused_.clear();
  if (desired.quic_server != reconcile::QuicServer::kQuicd) return Release();
  Status configured = Configure(desired);
  if (configured.ok() || !desired.refuse_quic) return configured;
  if (configured.code() != Code::kUnavailable) Silence(configured);
  return Status::Ok();
}

Status QuicdDriver::Configure(const reconcile::Desired& desired) {
  const crypto::Secret config = RenderConfig(desired, options_.render);
  const std::string wanted = crypto::Sha256(config.Reveal());
  // Also if this fails: what takes its place is to serve this.
  if (desired.refuse_quic) {
    applied_digest_ = wanted;
    serves_ = true;
  }
  LS_ASSIGN_OR_RETURN(const std::string digest, control_->Configure(config.Reveal()));
  if (digest != wanted) {
    return Internal("lockstep-quicd says that it serves another configuration than it was given");
  }
  applied_digest_ = wanted;
  serves_ = true;
  return Status::Ok();
}

// Its sockets are open: one that merely does not take what it is told lets go of them, and with one
// that hangs they close.
void QuicdDriver::Silence(const Status& why) {
  if (why.code() != Code::kDeadlineExceeded && control_->Release().ok()) return;
  const Status ended = control_->End();
  if (ended.ok()) {
    log::Warning("quicd.ended", {{"why", why}});
    return;
  }
  not_refused_ =
      why.message() + ", and it could not be ended (" + ended.message() + "): restart its unit";
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

std::vector<std::string> QuicdDriver::WhyNotRefused() {
  return not_refused_.empty() ? std::vector<std::string>() : std::vector{not_refused_};
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
