#include "agent/session/conversation.h"

#include <algorithm>
#include <utility>

#include "common/log/log.h"
#include "common/look/observer.h"

namespace lockstep::agent::session {
namespace {

constexpr Micros kShortestHeartbeat = Millis(200);
constexpr Micros kLongestHeartbeat = std::chrono::minutes(5);

v1::AnnounceState RenderAnnounce(const apply::NodeView& view) {
  const apply::AnnounceReport& report = view.announce;
  v1::AnnounceState out;
  switch (report.state) {
    case apply::AnnounceReport::State::kUnknown:
      break;
    case apply::AnnounceReport::State::kAnnounced:
      out.set_state(v1::AnnounceState::STATE_ANNOUNCED);
      break;
    case apply::AnnounceReport::State::kWithdrawn:
      out.set_state(v1::AnnounceState::STATE_WITHDRAWN);
      break;
  }
  out.set_evidence(report.evidence);
  for (const std::string& session : report.sessions) out.add_sessions(session);
  out.set_confirmed(report.confirmed);
  out.set_following(view.follow.phase);
  out.mutable_following_notes()->Assign(view.follow.notes.begin(), view.follow.notes.end());
  return out;
}

// Of the servers, and of the agent itself.
template <typename Message>
void AddCapabilities(const apply::NodeView& view, Message& message) {
  for (const std::string& capability : view.capabilities) message.add_capabilities(capability);
  message.add_capabilities(look::kSiteCapability);
}

Micros IntervalOf(const v1::Welcome& welcome) {
  const google::protobuf::Duration& interval = welcome.heartbeat_interval();
  return std::clamp(Micros(Seconds(interval.seconds())) + Micros(interval.nanos() / 1000),
                    kShortestHeartbeat, kLongestHeartbeat);
}

}  // namespace

v1::Hello Conversation::MakeHello() {
  const apply::NodeView& view = rooms_.queue->view();
  v1::Hello hello;
  hello.set_agent_version(self_.version);
  hello.set_boot_id(self_.boot_id);
  if (view.seen) *hello.mutable_seen() = *view.seen;
  hello.set_serving_generation(view.serving.generation);
  hello.set_serving_digest(view.serving.digest);
  hello.set_lane_sequence(rooms_.lane->sequence());
  for (const IpAddress& address : self_.addresses) hello.add_addresses(address.ToString());
  AddCapabilities(view, hello);
  *hello.mutable_announce() = RenderAnnounce(view);
  return hello;
}

void Conversation::OnWelcome(const v1::Welcome& welcome) {
  connected_ = true;
  heartbeat_interval_ = IntervalOf(welcome);
  rooms_.lane->OnStreamStarted();
  rooms_.queue->OnStreamStarted();
  Beat(++stream_);
}

void Conversation::OnDisconnected(const Status&) {
  connected_ = false;
  ++stream_;
}

// Without the controller nobody knows which challenges live.
bool Conversation::LaneInStep() { return connected_ && rooms_.lane->InStep(); }

void Conversation::OnMessage(v1::ControllerMessage message) {
  switch (message.message_case()) {
    case v1::ControllerMessage::kLaneSet:
      return rooms_.lane->OnLaneSet(message.lane_set());
    case v1::ControllerMessage::kPush:
      return rooms_.queue->OnPush(std::move(*message.mutable_push()));
    case v1::ControllerMessage::kWitnessRequest:
      return rooms_.witness->OnRequest(message.witness_request(), Known(),
                                       [this](const v1::WitnessReport& report) {
                                         v1::AgentMessage out;
                                         *out.mutable_witness_report() = report;
                                         rooms_.outbox->Send(out, Urgency::kUrgent);
                                       });
    case v1::ControllerMessage::kProofRequest:
      return rooms_.queue->OnProofRequest(message.proof_request());
    case v1::ControllerMessage::kAnnounceWish:
      return rooms_.queue->OnWish(message.announce_wish());
    default:
      log::Warning("link.unknown_message");
  }
}

void Conversation::Beat(uint64_t stream) {
  if (stream != stream_) return;
  const apply::NodeView& view = rooms_.queue->view();
  v1::AgentMessage out;
  v1::Heartbeat* heartbeat = out.mutable_heartbeat();
  heartbeat->set_serving_generation(view.serving.generation);
  AddCapabilities(view, *heartbeat);
  *heartbeat->mutable_announce() = RenderAnnounce(view);
  for (const std::string& warning : view.warnings) heartbeat->add_warnings(warning);
  rooms_.outbox->Send(out, Urgency::kUrgent);
  strand_.PostAfter(heartbeat_interval_, [this, stream] { Beat(stream); });
}

void Conversation::OnAck(const v1::Ack& ack) {
  v1::AgentMessage out;
  *out.mutable_ack() = ack;
  rooms_.outbox->Send(out, Urgency::kBulk);
}

void Conversation::OnProofReport(const v1::ProofReport& report) {
  v1::AgentMessage out;
  *out.mutable_proof_report() = report;
  rooms_.outbox->Send(out, Urgency::kBulk);
}

void Conversation::OnLaneAck(const v1::LaneAck& ack) {
  v1::AgentMessage out;
  *out.mutable_lane_ack() = ack;
  rooms_.outbox->Send(out, Urgency::kUrgent);
}

void Conversation::OnServing(std::shared_ptr<const reconcile::Desired> desired) {
  desired_ = std::move(desired);
  rooms_.lane->SetListeners(desired_->service_addresses.empty() ? desired_->node_addresses
                                                                : desired_->service_addresses);
  PublishRules();
}

void Conversation::OnLiveSet(std::shared_ptr<const challenge::LiveSet> live) {
  live_ = std::move(live);
  PublishRules();
}

void Conversation::PublishRules() {
  if (rooms_.on_rules) rooms_.on_rules(desired_, live_);
}

witness::Knowledge Conversation::Known() const {
  witness::Knowledge known;
  known.desired = desired_.get();
  if (!live_) return known;
  for (const challenge::Challenge& challenge : live_->challenges) {
    known.live.emplace(challenge.host.ascii(), challenge.token.str());
  }
  return known;
}

}  // namespace lockstep::agent::session
