#include "controller/session/sessions.h"

#include <utility>

#include "common/base/encoding.h"
#include "common/log/log.h"

namespace lockstep::controller::session {
namespace {

constexpr Micros kTick = Millis(500);
// How long answers may wait for each other on their way to the state strand.
constexpr Micros kArrivalPause(500);
constexpr size_t kSessionIdBytes = 16;

link::Bytes Serialise(const agent::v1::ControllerMessage& message) {
  return std::make_shared<const std::string>(message.SerializeAsString());
}

}  // namespace

Sessions::Sessions(Options options, task::Executor& state)
    : options_(options),
      state_(state),
      arrivals_(state, kArrivalPause),
      pushers_(options.pushers) {}

Sessions::~Sessions() {
  Stop();
  pushers_.Stop();
}

void Sessions::Serve(link::AgentEvents& events, std::function<bool(const NodeName&)> is_banned) {
  LS_CHECK(events_ == nullptr);
  events_ = &events;
  is_banned_ = std::move(is_banned);
  const std::lock_guard lock(mutex_);
  tick_ = state_.PostAfter(kTick, [this] { Tick(); });
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Sessions::Accept(
    grpc::CallbackServerContext* context, const NodeName& node) {
  LS_CHECK(events_ != nullptr);
  const std::lock_guard lock(mutex_);
  if (stopping_) return RefuseStream(Unavailable("the controller is stopping"));
  auto& streams = live_[node];
  if (streams.size() >= options_.streams_per_node) {
    return RefuseStream(ResourceExhausted("node " + node.str() + " has " +
                                          std::to_string(streams.size()) + " streams already"));
  }
  const uint64_t number = next_number_++;
  SessionPtr session = Session::Start(*this, context, node, number, options_.limits);
  streams.emplace(number, session);
  return session.get();
}

void Sessions::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    state_.Cancel(std::exchange(tick_, 0));
  }
  arrivals_.StopGathering();
  for (const SessionPtr& session : ListLive()) {
    session->End(Unavailable("the controller is stopping"));
  }
}

Sessions::SessionPtr Sessions::FindOpen(const NodeName& node) const {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(node);
  return found == open_.end() ? nullptr : found->second;
}

std::vector<Sessions::SessionPtr> Sessions::ListLive() const {
  std::vector<SessionPtr> sessions;
  const std::lock_guard lock(mutex_);
  for (const auto& [node, streams] : live_) {
    for (const auto& [number, session] : streams) sessions.push_back(session);
  }
  return sessions;
}

void Sessions::Push(const NodeName& node, link::Bytes message) {
  if (const SessionPtr session = FindOpen(node)) session->PutPush(std::move(message));
}

void Sessions::SendLane(const NodeName& node, link::Bytes message) {
  if (const SessionPtr session = FindOpen(node)) session->PutLane(std::move(message));
}

Status Sessions::Send(const NodeName& node, agent::v1::ControllerMessage message) {
  const SessionPtr session = FindOpen(node);
  if (session == nullptr) return Status::Ok();
  return session->PutRequest(Serialise(message)).Prefixed("node " + node.str());
}

void Sessions::Cut(const NodeName& node, Status why) {
  std::vector<SessionPtr> sessions;
  {
    const std::lock_guard lock(mutex_);
    const auto found = live_.find(node);
    if (found == live_.end()) return;
    for (const auto& [number, session] : found->second) sessions.push_back(session);
  }
  for (const SessionPtr& session : sessions) session->End(why);
}

void Sessions::OnMessage(SessionPtr session, agent::v1::AgentMessage message) {
  arrivals_.Post([this, session = std::move(session), message = std::move(message)] {
    Take(session, message);
    session->OnTaken();
  });
}

void Sessions::OnEnded(SessionPtr session, Status why) {
  log::Info("session.end",
            {{"node", session->node().str()}, {"session", session->number()}, {"why", why}});
  arrivals_.Post(
      [this, session = std::move(session), why = std::move(why)] { Close(*session, why); });
}

void Sessions::OnGone(const Session& session) {
  SessionPtr last;  // let go outside the lock
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(session.node());
  if (found == live_.end()) return;
  if (auto node = found->second.extract(session.number())) last = std::move(node.mapped());
  if (found->second.empty()) live_.erase(found);
}

void Sessions::OnSendable(SessionPtr session) { pushers_.Schedule(std::move(session)); }

void Sessions::Take(const SessionPtr& session, const agent::v1::AgentMessage& message) {
  switch (session->phase) {
    case Session::Phase::kAwaitsHello:
      if (message.has_hello()) return TakeHello(session, message.hello());
      session->phase = Session::Phase::kClosed;
      return session->End(FailedPrecondition("the first message must be hello"));
    case Session::Phase::kOpen:
      if (message.has_hello()) return session->End(FailedPrecondition("a second hello"));
      return events_->OnMessage(session->node(), session->number(), message);
    case Session::Phase::kClosed:
      return;
  }
}

void Sessions::TakeHello(const SessionPtr& session, const agent::v1::Hello& hello) {
  const NodeName& node = session->node();
  // Again: the ban may have come between the call's beginning and here.
  if (is_banned_(node)) {
    session->phase = Session::Phase::kClosed;
    return session->End(PermissionDenied("node " + node.str() + " is banned"));
  }
  FenceOlder(session);
  session->phase = Session::Phase::kOpen;
  Result<agent::v1::Welcome> welcome = events_->OnHello(node, session->number(), hello);
  if (!welcome.ok()) {
    session->phase = Session::Phase::kClosed;
    {
      const std::lock_guard lock(mutex_);
      open_.erase(node);
    }
    return session->End(welcome.status());
  }
  log::Info("session.open", {{"node", node.str()},
                             {"session", session->number()},
                             {"boot", HexEncode(hello.boot_id())},
                             {"version", hello.agent_version()}});
  agent::v1::ControllerMessage message;
  *message.mutable_welcome() = *std::move(welcome);
  message.mutable_welcome()->set_session_id(RandomBytes(kSessionIdBytes));
  session->Greet(Serialise(message));
}

// The newest stream is the node's: whatever an older one still carries is dropped.
void Sessions::FenceOlder(const SessionPtr& session) {
  SessionPtr older;
  {
    const std::lock_guard lock(mutex_);
    older = std::exchange(open_[session->node()], session);
  }
  if (older == nullptr) return;
  const Status why = Aborted("a newer stream of node " + session->node().str() + " took over");
  if (std::exchange(older->phase, Session::Phase::kClosed) == Session::Phase::kOpen) {
    events_->OnClosed(older->node(), older->number(), why);
  }
  older->End(why);
}

void Sessions::Close(Session& session, const Status& why) {
  const bool was_open =
      std::exchange(session.phase, Session::Phase::kClosed) == Session::Phase::kOpen;
  if (!was_open) return;
  {
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(session.node());
    if (found != open_.end() && found->second.get() == &session) open_.erase(found);
  }
  events_->OnClosed(session.node(), session.number(), why);
}

void Sessions::Tick() {
  for (const SessionPtr& session : ListLive()) session->OnTick(options_.patience);
  const std::lock_guard lock(mutex_);
  if (!stopping_) tick_ = state_.PostAfter(kTick, [this] { Tick(); });
}

}  // namespace lockstep::controller::session
