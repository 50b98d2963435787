#include "agent/quicd/upstream/transfer.h"

#include <array>
#include <utility>

#include "agent/quicd/upstream/pool.h"

namespace lockstep::agent::quicd::upstream {
namespace {

constexpr size_t kUsualEvents = 4;  // of one read: a head, its body in a piece or two, the end

}  // namespace

Transfer::Transfer(Pool& pool, RequestHead head, Listener& listener)
    : pool_(pool),
      head_(std::move(head)),
      listener_(listener),
      writer_(FramingOf(head_), head_.content_length),
      parser_(head_.method == "HEAD", pool.settings().max_head_bytes) {
  RestartTimer();
}

Transfer::~Transfer() {
  if (timer_ != 0) pool_.loop().Cancel(timer_);
  if (state_ == State::kWaiting) pool_.StopWaiting(*this);
  if (connection_ != nullptr) pool_.TakeBack(std::move(connection_), false);
}

void Transfer::Write(std::span<const uint8_t> body) {
  if (state_ == State::kOver) return;
  if (!writer_.Append(body)) {
    return FailSoon(Failure::kMalformed, "request body is longer than its content-length");
  }
  FlushSoon();
}

void Transfer::Finish() {
  if (state_ == State::kOver) return;
  if (!writer_.Finish()) {
    return FailSoon(Failure::kMalformed, "request body is shorter than its content-length");
  }
  FlushSoon();
}

void Transfer::Pause() {
  if (std::exchange(paused_, true)) return;
  Listen();
  deadline_.reset();
}

void Transfer::Resume() {
  if (!std::exchange(paused_, false)) return;
  Listen();
  RestartTimer();
}

void Transfer::TakeKept(std::unique_ptr<Connection> connection) {
  connection_ = std::move(connection);
  connection_->SetUser(*this);
  Talk();
}

void Transfer::Connect(const Endpoint& target) {
  Result<std::unique_ptr<Connection>> opened = Connection::Open(pool_.loop(), target, *this);
  if (!opened.ok()) {
    pool_.OnNotOpened();
    return FailSoon(Failure::kRefused, opened.status().message());
  }
  connection_ = std::move(opened).value();
  state_ = State::kConnecting;
  RestartTimer();
}

void Transfer::OnReady(uint32_t epoll_events) {
  if (state_ == State::kConnecting) return OnConnected();
  const std::weak_ptr<bool> alive = alive_;
  if ((epoll_events & EPOLLOUT) != 0) Flush();
  if (alive.expired() || state_ != State::kTalking || paused_) return;
  if ((epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Read();
}

void Transfer::OnConnected() {
  if (const Status connected = connection_->Connected(); !connected.ok()) {
    return Fail(Failure::kRefused, connected.message());
  }
  Talk();
}

void Transfer::Talk() {
  state_ = State::kTalking;
  connection_->AcknowledgeLater();
  writer_.Begin(RenderRequest(head_, pool_.settings().secret_header_value));
  FlushSoon();
  Listen();
}

// At the end of the turn: what is written in crumbs goes out as one.
void Transfer::FlushSoon() {
  if (state_ != State::kTalking || std::exchange(flush_scheduled_, true)) return;
  Soon(&Transfer::Flush);
}

void Transfer::Flush() {
  flush_scheduled_ = false;
  if (state_ != State::kTalking) return;
  size_t of_body = 0;
  while (!write_broken_ && writer_.pending()) {
    std::array<iovec, RequestWriter::kParts> parts;
    const Result<std::optional<size_t>> sent = connection_->Send(writer_.Gather(parts));
    write_broken_ = !sent.ok();
    if (!sent.ok() || !*sent) break;
    of_body += writer_.Advance(**sent);
  }
  Listen();
  RestartTimer();
  if (of_body > 0) listener_.OnWritten(of_body);  // may destroy this
}

void Transfer::Read() {
  const std::span<uint8_t> block = pool_.blocks().Begin(unparsed_);
  const size_t begun = unparsed_.size();
  const Result<std::optional<size_t>> received = connection_->Receive(block.subspan(begun));
  if (!received.ok()) return OnReadError(received.status());
  if (!*received) return;
  if (**received == 0) return OnStreamEnd();
  heard_ = true;
  std::vector<ResponseParser::Event> events;
  events.reserve(kUsualEvents);
  const size_t filled = begun + **received;
  const std::span<const uint8_t> bytes = block.first(filled);
  const ResponseParser::Step step = parser_.Parse(bytes, &events);
  unparsed_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(step.used), bytes.end());
  if (Tell(std::move(events), filled) && step.problem) {
    Fail(step.problem->failure, step.problem->why);
  }
}

bool Transfer::Tell(std::vector<ResponseParser::Event> events, size_t filled) {
  const std::weak_ptr<bool> alive = alive_;
  for (ResponseParser::Event& event : events) {
    if (auto* end = std::get_if<ResponseParser::End>(&event)) {
      TellEnd(std::move(end->trailers));
      return false;
    }
    if (const auto* body = std::get_if<ResponseParser::Body>(&event)) {
      listener_.OnBody(pool_.blocks().Keep(body->offset, body->size, filled));
    } else if (auto* head = std::get_if<ResponseHead>(&event)) {
      head_told_ = true;
      deadline_.reset();
      listener_.OnHead(std::move(*head));
    } else {
      RestartTimer();
      listener_.OnInterim(std::get<ResponseParser::Interim>(event).head);
    }
    if (alive.expired()) return false;
  }
  return true;
}

void Transfer::TellEnd(std::vector<Header> trailers) {
  // Bytes behind the response, or a request cut short, and nobody could tell what the next response
  // on this connection belongs to.
  const bool reusable =
      parser_.keeps_connection() && unparsed_.empty() && writer_.complete() && !write_broken_;
  state_ = State::kOver;
  deadline_.reset();
  pool_.TakeBack(std::move(connection_), reusable);
  listener_.OnEnd(std::move(trailers));
}

void Transfer::OnStreamEnd() {
  if (RetryIfStale()) return;
  std::vector<ResponseParser::Event> events;
  const ResponseParser::Step step = parser_.ParseEnd(&events);
  if (Tell(std::move(events), 0) && step.problem) Fail(step.problem->failure, step.problem->why);
}

void Transfer::OnReadError(const Status& error) {
  if (!RetryIfStale()) Fail(Failure::kBroken, error.message());
}

// A kept-alive connection that Caddy was closing while the request was on its way has not seen it.
bool Transfer::RetryIfStale() {
  if (heard_ || retried_ || !connection_->reused() || writer_.body_begun() ||
      !IsIdempotent(head_.method)) {
    return false;
  }
  retried_ = true;
  write_broken_ = false;
  state_ = State::kWaiting;
  pool_.Replace(std::move(connection_), *this);
  return true;
}

void Transfer::FailSoon(Failure failure, std::string why) {
  if (doomed_) return;
  doomed_ = ResponseParser::Problem{failure, std::move(why)};
  Soon(&Transfer::FailNow);
}

void Transfer::FailNow() {
  if (state_ != State::kOver) Fail(doomed_->failure, doomed_->why);
}

void Transfer::Fail(Failure failure, std::string why) {
  if (state_ == State::kWaiting) pool_.StopWaiting(*this);
  state_ = State::kOver;
  deadline_.reset();
  if (connection_ != nullptr) pool_.TakeBack(std::move(connection_), false);
  listener_.OnFailed(failure, std::move(why));  // may destroy this
}

// For room to write only once there was none: mostly there is, and each change is a system call.
void Transfer::Listen() {
  if (state_ != State::kTalking) return;
  const bool blocked = !write_broken_ && !flush_scheduled_ && writer_.pending();
  const Status watched = connection_->Listen(!paused_, blocked);
  if (!watched.ok()) FailSoon(Failure::kBroken, watched.message());
}

void Transfer::Soon(void (Transfer::*work)()) {
  pool_.loop().Later([this, work, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) (this->*work)();
  });
}

// Whether it is for Caddy, or for the pool, to do the next thing before the head has come.
bool Transfer::IsTheirTurn() const {
  if (state_ == State::kOver || head_told_ || paused_) return false;
  return state_ != State::kTalking || writer_.pending() || writer_.complete();
}

void Transfer::RestartTimer() {
  deadline_.reset();
  if (!IsTheirTurn()) return;
  const Settings& settings = pool_.settings();
  deadline_ = pool_.loop().now() +
              (state_ == State::kConnecting ? settings.connect_timeout : settings.head_timeout);
  SetTimer();
}

// Deadlines mostly move away: the timer is left where it is and looks again when it fires.
void Transfer::SetTimer() {
  if (timer_ != 0 && timer_at_ <= *deadline_) return;
  if (timer_ != 0) pool_.loop().Cancel(timer_);
  timer_at_ = *deadline_;
  timer_ = pool_.loop().At(timer_at_, [this] { OnTimer(); });
}

void Transfer::OnTimer() {
  timer_ = 0;
  if (!deadline_) return;
  if (*deadline_ > pool_.loop().now()) return SetTimer();
  OnTimeout();
}

void Transfer::OnTimeout() {
  Fail(Failure::kTimeout, state_ == State::kWaiting      ? "no connection was free in time"
                          : state_ == State::kConnecting ? "no connection was made in time"
                                                         : "no answer came in time");
}

}  // namespace lockstep::agent::quicd::upstream
