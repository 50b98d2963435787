#include "agent/apply/driver_pair.h"

#include <iterator>

namespace lockstep::agent::apply {
namespace {

std::vector<std::string> Both(std::vector<std::string> one, std::vector<std::string> other) {
  std::move(other.begin(), other.end(), std::back_inserter(one));
  return one;
}

}  // namespace

std::pair<Half, Half> OrderOf(reconcile::QuicServer wanted) {
  if (wanted == reconcile::QuicServer::kQuicd) return {Half::kWeb, Half::kQuic};
  return {Half::kQuic, Half::kWeb};
}

std::vector<std::string> DriverPair::Capabilities() {
  return Both(web_.Capabilities(), quic_.Capabilities());
}

Status DriverPair::Check(const reconcile::Desired& desired) {
  LS_RETURN_IF_ERROR(web_.Check(desired));
  return quic_.Check(desired);
}

Status DriverPair::Apply(const reconcile::Desired& desired, const reconcile::Desired* before) {
  const auto [first, second] = OrderOf(desired.quic_server);
  LS_RETURN_IF_ERROR(Of(first).Apply(desired, before));
  Status applied = Of(second).Apply(desired, before);
  if (applied.ok() || before == nullptr) return applied;
  const Status back = Of(first).Apply(*before, &desired);
  if (back.ok()) return applied;
  return Status(applied.code(), applied.message() + "; going back failed too: " + back.message());
}

Status DriverPair::Ensure() {
  LS_RETURN_IF_ERROR(web_.Ensure());
  return quic_.Ensure();
}

std::vector<std::string> DriverPair::Inspect() { return Both(web_.Inspect(), quic_.Inspect()); }

std::vector<std::string> DriverPair::WhyNotRefused() {
  return Both(web_.WhyNotRefused(), quic_.WhyNotRefused());
}

void DriverPair::Watch(std::function<void()> on_restart) {
  web_.Watch(on_restart);
  quic_.Watch(std::move(on_restart));
}

void DriverPair::StopWatching() {
  web_.StopWatching();
  quic_.StopWatching();
}

}  // namespace lockstep::agent::apply
