#include "agent/quicd/upstream/pool.h"

#include <algorithm>
#include <utility>

#include "agent/quicd/upstream/request_head.h"

namespace lockstep::agent::quicd::upstream {
namespace {

Result<Endpoint> TargetOf(const Settings& settings) {
  LS_ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(settings.address));
  if (settings.secret_header_value.empty() || !IsFieldValue(settings.secret_header_value)) {
    return InvalidArgument("upstream: the secret is no value of a header");
  }
  return Endpoint{address, settings.port};
}

}  // namespace

Pool::Idle::Idle(Pool& pool, std::unique_ptr<Connection> connection)
    : pool_(pool), connection_(std::move(connection)), since_(pool.loop_.now()) {
  connection_->SetUser(*this);
}

void Pool::Idle::OnReady(uint32_t) { pool_.Drop(*this); }

Pool::Pool(loop::Loop& loop, Settings settings) : loop_(loop) { Configure(std::move(settings)); }

Pool::~Pool() {
  if (expiry_ != 0) loop_.Cancel(expiry_);
}

void Pool::Configure(Settings settings) {
  settings_ = std::move(settings);
  settings_.max_connections = std::max<size_t>(settings_.max_connections, 1);
  target_ = TargetOf(settings_);
  while (!idle_.empty() && !MayKeep(idle_.front()->connection())) DropOldest();
  ServeWaitingSoon();
}

std::unique_ptr<Exchange> Pool::Start(RequestHead head, Listener& listener) {
  const Status mappable = CheckRequest(head);
  auto transfer = std::make_unique<Transfer>(*this, std::move(head), listener);
  if (!mappable.ok()) {
    transfer->FailSoon(Failure::kMalformed, mappable.message());
  } else {
    waiting_.push_back(transfer.get());
    ServeWaiting();
  }
  return transfer;
}

void Pool::ServeWaiting() {
  while (!waiting_.empty()) {
    std::unique_ptr<Connection> kept = FindKept();
    if (kept == nullptr && target_.ok() && open_ >= settings_.max_connections) return;
    Transfer& next = *waiting_.front();
    waiting_.pop_front();
    if (kept != nullptr) {
      next.TakeKept(std::move(kept));
    } else {
      Open(next);
    }
  }
}

void Pool::Open(Transfer& transfer) {
  if (!target_.ok()) return transfer.FailSoon(Failure::kRefused, target_.status().message());
  ++open_;
  transfer.Connect(*target_);
}

void Pool::OnNotOpened() { Forget(); }

void Pool::Replace(std::unique_ptr<Connection> stale, Transfer& transfer) {
  stale.reset();
  --open_;
  Open(transfer);
}

void Pool::TakeBack(std::unique_ptr<Connection> connection, bool reusable) {
  if (!reusable || !MayKeep(*connection)) {
    connection.reset();
    return Forget();
  }
  connection->MarkReused();
  Keep(std::move(connection));
  if (!waiting_.empty()) ServeWaitingSoon();
}

void Pool::StopWaiting(Transfer& transfer) { std::erase(waiting_, &transfer); }

void Pool::Forget() {
  --open_;
  if (!waiting_.empty()) ServeWaitingSoon();
}

void Pool::ServeWaitingSoon() {
  if (std::exchange(serving_scheduled_, true)) return;
  loop_.Later([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    serving_scheduled_ = false;
    ServeWaiting();
  });
}

bool Pool::MayKeep(const Connection& connection) const {
  return target_.ok() && connection.target() == *target_ && settings_.max_idle > 0;
}

std::unique_ptr<Connection> Pool::FindKept() {
  while (!idle_.empty()) {
    std::unique_ptr<Connection> connection = idle_.back()->Release();
    idle_.pop_back();
    if (connection->IsQuiet()) return connection;
    connection.reset();
    --open_;
  }
  return nullptr;
}

void Pool::Keep(std::unique_ptr<Connection> connection) {
  if (!connection->Listen(true, false).ok()) return Forget();
  while (idle_.size() >= settings_.max_idle) DropOldest();
  idle_.push_back(std::make_unique<Idle>(*this, std::move(connection)));
  ScheduleExpiry();
}

void Pool::Drop(const Idle& idle) {
  std::erase_if(idle_, [&](const std::unique_ptr<Idle>& kept) { return kept.get() == &idle; });
  Forget();
}

void Pool::DropOldest() {
  idle_.pop_front();
  Forget();
}

void Pool::ScheduleExpiry() {
  if (expiry_ != 0 || idle_.empty()) return;
  expiry_ = loop_.At(idle_.front()->since() + settings_.idle_timeout, [this] {
    expiry_ = 0;
    DropExpired();
    ScheduleExpiry();
  });
}

void Pool::DropExpired() {
  while (!idle_.empty() && idle_.front()->since() + settings_.idle_timeout <= loop_.now()) {
    DropOldest();
  }
}

}  // namespace lockstep::agent::quicd::upstream
