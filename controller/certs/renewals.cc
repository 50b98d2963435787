#include "controller/certs/renewals.h"

#include <algorithm>

#include "common/log/log.h"

namespace lockstep::controller::certs {
namespace {

constexpr char kRenewalReason[] = "renewal";
constexpr Micros kTick = Seconds(30);
constexpr Micros kFirstBackoff = std::chrono::minutes(5);
constexpr Micros kLongestBackoff = std::chrono::hours(12);
// Let's Encrypt allows five failed validations an hour and name, also when little time is left.
constexpr Micros kShortestBackoff = std::chrono::minutes(15);

// In [0, 1), from the text alone.
double Fraction(const std::string& text) {
  uint64_t hash = 1469598103934665603u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return static_cast<double>(hash >> 11) / 9007199254740992.0;  // 2^53
}

Micros Scaled(Micros duration, double factor) {
  return Micros(static_cast<int64_t>(static_cast<double>(duration.count()) * factor));
}

}  // namespace

WallTime RenewAt(const model::Certificate& certificate) {
  const Micros life = certificate.not_after - certificate.not_before;
  const double share = 2.0 / 3.0 - Fraction(certificate.leaf_sha256) / 20.0;
  return certificate.not_before + Scaled(life, share);
}

Micros BackoffAfter(uint32_t failures, Micros left, const std::string& name) {
  Micros wait = kFirstBackoff;
  for (uint32_t i = 1; i < failures && wait < kLongestBackoff; ++i) wait *= 2;
  wait = std::min(wait, kLongestBackoff);
  wait += Scaled(wait, Fraction(name + "/" + std::to_string(failures)) / 4.0);
  return std::min(wait, std::max(left / 2, kShortestBackoff));
}

Renewals::Renewals(store::Database& database, task::Executor& state, const CertificateBook& book,
                   Orders& orders, fleet::Journal& journal)
    : database_(database), state_(state), book_(book), orders_(orders), journal_(journal) {}

void Renewals::Load(std::vector<model::RenewalState> states) {
  for (model::RenewalState& state : states) {
    const std::string name = state.certificate;
    states_.insert_or_assign(name, std::move(state));
  }
}

void Renewals::Start() {
  orders_.OnEnd([this](const model::Order& order) { OnOrder(order); });
  state_.PostAfter(kTick, [this] { Tick(); });
}

const model::RenewalState* Renewals::Find(const std::string& lineage) const {
  const auto found = states_.find(lineage);
  return found == states_.end() ? nullptr : &found->second;
}

WallTime Renewals::DueAt(const model::Certificate& certificate) const {
  const WallTime due = RenewAt(certificate);
  const model::RenewalState* state = Find(certificate.name);
  return state == nullptr || state->failures == 0 ? due : std::max(due, state->next_attempt_at);
}

void Renewals::Tick() {
  state_.PostAfter(kTick, [this] { Tick(); });
  const WallTime now = state_.clock().Now();
  for (const auto& [name, certificate] : book_.all()) {
    if (DueAt(certificate) > now || orders_.HasOpen(name)) continue;
    const auto order = orders_.Create(certificate.hosts, name, kRenewalReason);
    if (!order.ok()) {
      log::Warning("renewals.not_ordered", {{"certificate", name}, {"status", order.status()}});
    }
  }
}

void Renewals::OnOrder(const model::Order& order) {
  const model::Certificate* certificate = book_.Find(order.certificate);
  if (order.state == model::OrderState::kDone) {
    const model::RenewalState* before = Find(order.certificate);
    if (before != nullptr && before->failures > 0) Put({order.certificate, {}, 0, ""});
    return;
  }
  // What an operator asked for is the operator's to try again.
  if (certificate == nullptr || order.reason != kRenewalReason) return;
  const WallTime now = state_.clock().Now();
  model::RenewalState state{order.certificate, {}, 1, order.error};
  if (const auto* before = Find(order.certificate)) state.failures = before->failures + 1;
  const Micros left = std::max(Micros(0), Micros(certificate->not_after - now));
  state.next_attempt_at = now + BackoffAfter(state.failures, left, order.certificate);
  journal_.Warning("renewal.postponed", order.certificate,
                   "failed " + std::to_string(state.failures) + " times in a row; next at " +
                       FormatTime(state.next_attempt_at));
  Put(std::move(state));
}

void Renewals::Put(model::RenewalState state) {
  states_.insert_or_assign(state.certificate, state);
  database_.Run([state](store::Stores& stores) { return stores.renewals.Put(state); },
                [name = state.certificate](const Status& status) {
                  if (!status.ok()) {
                    log::Error("renewals.not_stored", {{"certificate", name}, {"status", status}});
                  }
                },
                state_);
}

}  // namespace lockstep::controller::certs
