#include "agent/session/client.h"

#include <utility>

#include "common/base/encoding.h"
#include "common/log/log.h"

namespace lockstep::agent::session {

Client::Client(task::Executor& strand, ControllerLink& link, ClientEvents& events,
               uint64_t jitter_seed, ClientSettings settings)
    : strand_(strand),
      link_(link),
      events_(events),
      settings_(settings),
      backoff_(settings.backoff_base, settings.backoff_ceiling, jitter_seed) {}

void Client::Connect() {
  if (stopped_) return;
  const uint64_t attempt = ++attempt_;
  welcomed_ = false;
  broken_ = Status::Ok();
  inbox_.emplace();
  splitter_.emplace();
  Stream::Reactions reactions;
  reactions.on_message = [this, attempt](v1::ControllerMessage message) {
    strand_.Post([this, attempt, message = std::move(message)]() mutable {
      OnRead(attempt, std::move(message));
    });
  };
  reactions.on_closed = [this, attempt](Status why) {
    strand_.Post([this, attempt, why = std::move(why)] { OnClosed(attempt, why); });
  };
  stream_ = Stream::Open(link_.Renew(), std::move(reactions));
  v1::AgentMessage hello;
  *hello.mutable_hello() = events_.MakeHello();
  Send(hello, Urgency::kUrgent);
  strand_.PostAfter(settings_.welcome_deadline, [this, attempt] {
    if (attempt == attempt_ && stream_ && !welcomed_) {
      Break(DeadlineExceeded("the controller did not answer in time"));
    }
  });
}

void Client::Send(const v1::AgentMessage& message, Urgency urgency) {
  if (!stream_) return;
  for (std::string& piece : splitter_->Split(message.SerializeAsString())) {
    stream_->Send(std::move(piece), urgency);
  }
}

void Client::OnRead(uint64_t attempt, v1::ControllerMessage message) {
  if (attempt != attempt_ || !stream_ || !broken_.ok()) return;
  Result<std::optional<v1::ControllerMessage>> whole = inbox_->Take(std::move(message));
  if (!whole.ok()) return Break(whole.status());
  if (whole->has_value()) Take(**std::move(whole));
}

void Client::Take(v1::ControllerMessage message) {
  if (message.has_welcome() == welcomed_) {
    return Break(InvalidArgument(welcomed_ ? "a second welcome" : "no welcome before the rest"));
  }
  if (welcomed_) return events_.OnMessage(std::move(message));
  welcomed_ = true;
  backoff_.Reset();
  log::Info("link.open", {{"session", HexEncode(message.welcome().session_id())},
                          {"controller", message.welcome().controller_version()}});
  events_.OnWelcome(message.welcome());
}

void Client::Break(const Status& why) {
  if (broken_.ok()) broken_ = why;
  stream_->Cancel();
}

void Client::OnClosed(uint64_t attempt, const Status& why) {
  if (attempt != attempt_) return;
  stream_.reset();
  const bool was_open = std::exchange(welcomed_, false);
  if (stopped_) {
    if (on_stopped_) std::exchange(on_stopped_, nullptr)();
    return;
  }
  Status reason = broken_.ok() ? why : broken_;
  if (reason.ok()) reason = Unavailable("the controller ended the stream");
  const Micros delay = backoff_.Next();
  log::Warning(was_open ? "link.closed" : "link.unreachable",
               {{"error", reason}, {"retry_in", FormatDuration(delay)}});
  if (was_open) events_.OnDisconnected(reason);
  strand_.PostAfter(delay, [this] { Connect(); });
}

void Client::Stop(std::function<void()> on_stopped) {
  stopped_ = true;
  if (!stream_) return on_stopped();
  on_stopped_ = std::move(on_stopped);
  stream_->Cancel();
}

}  // namespace lockstep::agent::session
