#include "controller/fleet/fleet.h"

#include <algorithm>
#include <utility>

#include "common/base/encoding.h"
#include "common/log/log.h"
#include "common/look/observer.h"
#include "controller/barrier/judge.h"

namespace lockstep::controller::fleet {
namespace {

constexpr size_t kMaxAddresses = 16;
constexpr size_t kMaxLines = 16;
constexpr size_t kMaxTextBytes = 300;
constexpr size_t kMaxVersionBytes = 64;
constexpr size_t kMaxObservationBytes = size_t{16} * 1024;

// The addresses that a node claims for itself. Link-local and loopback ones are no use to a
// witness elsewhere and are dropped, as is what does not parse.
std::vector<IpAddress> UsableAddresses(const agent::v1::Hello& hello,
                                       const std::vector<IpAddress>& service_addresses) {
  std::vector<IpAddress> out;
  for (const std::string& text : hello.addresses()) {
    const auto address = IpAddress::Parse(text);
    if (!address.ok() || address->IsLinkLocal() || address->IsLoopback() ||
        address->IsUnspecified() || address->IsMulticast()) {
      continue;
    }
    if (std::find(service_addresses.begin(), service_addresses.end(), *address) !=
        service_addresses.end()) {
      continue;
    }
    out.push_back(*address);
    if (out.size() == kMaxAddresses) break;
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// Observations are kept as they came, for `order show`: none is larger than it can honestly be.
Result<model::Proof> Read(const types::v1::Observation& observation, const NodeName& node,
                          const std::string& observer, bool witnessed) {
  if (observation.ByteSizeLong() > kMaxObservationBytes) {
    return InvalidArgument("observation is larger than " + std::to_string(kMaxObservationBytes) +
                           " bytes");
  }
  return barrier::ReadObservation(observation, node, observer, witnessed);
}

// What a node says of itself is kept for as long as it is there: in bounds.
std::vector<std::string> Bounded(const google::protobuf::RepeatedPtrField<std::string>& lines) {
  std::vector<std::string> out;
  for (const std::string& line : lines) {
    if (out.size() == kMaxLines) break;
    out.push_back(line.substr(0, kMaxTextBytes));
  }
  return out;
}

agent::v1::AnnounceState Bounded(const agent::v1::AnnounceState& announce) {
  agent::v1::AnnounceState out;
  out.set_state(announce.state());
  out.set_confirmed(announce.confirmed());
  out.set_evidence(announce.evidence().substr(0, kMaxTextBytes));
  for (const std::string& line : Bounded(announce.sessions())) out.add_sessions(line);
  out.set_following(announce.following());
  for (const std::string& line : Bounded(announce.following_notes())) out.add_following_notes(line);
  return out;
}

std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "; ") + line;
  return out;
}

}  // namespace

bool LiveNode::CountsAsAnnouncing() const {
  const bool withdrawn =
      announce.state() == agent::v1::AnnounceState::STATE_WITHDRAWN && announce.confirmed();
  return !(connected && withdrawn);
}

bool LiveNode::KnowsSiteMarks() const {
  return std::ranges::find(capabilities, look::kSiteCapability) != capabilities.end();
}

bool LiveNode::IsFollowing() const {
  return connected && announce.following() != agent::v1::AnnounceState::FOLLOWING_UNSPECIFIED;
}

bool LiveNode::IsReturning() const {
  return connected && announce.following() == agent::v1::AnnounceState::FOLLOWING_RETURNING;
}

bool LiveNode::RefusesQuic() const { return marked && IsFollowing(); }

Fleet::Fleet(Options options, store::Database& database, task::Executor& state, Journal& journal)
    : options_(std::move(options)),
      database_(database),
      state_(state),
      journal_(journal),
      proofs_(database, state) {}

void Fleet::Load(std::vector<model::Node> nodes, std::vector<model::Proof> proofs,
                 model::Epoch epoch) {
  epoch_ = std::move(epoch);
  for (model::Node& node : nodes) {
    SetBanned(node.name, node.banned);
    SetEnrolled(node.name, node.enrolled_at);
    const NodeName name = node.name;
    LiveNode live;
    live.node = std::move(node);
    nodes_.emplace(name, std::move(live));
  }
  proofs_.Load(std::move(proofs));
}

const LiveNode* Fleet::Find(const NodeName& node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? nullptr : &found->second;
}

std::vector<model::Node> Fleet::EnrolledNodes() const {
  std::vector<model::Node> out;
  for (const auto& [name, live] : nodes_) {
    if (!live.node.banned) out.push_back(live.node);
  }
  return out;
}

barrier::Member Fleet::MemberOf(const LiveNode& live) {
  return {live.node.name, live.connected, live.connected ? live.boot_id : "", live.node.addresses,
          live.quic};
}

void Fleet::SetQuicTerms(const NodeName& node, model::QuicTermsPtr terms) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  model::QuicTermsPtr& now = found->second.quic;
  const bool same = now && terms ? *now == *terms : now == terms;
  now = std::move(terms);
  if (!same) proofs_.ForgetWitnessedQuic(node);
}

void Fleet::SetMarked(const std::set<NodeName>& nodes) {
  for (auto& [name, live] : nodes_) live.marked = nodes.contains(name);
}

std::vector<barrier::Member> Fleet::Members() const {
  std::vector<barrier::Member> out;
  for (const auto& [name, live] : nodes_) {
    if (live.CountsAsAnnouncing()) out.push_back(MemberOf(live));
  }
  return out;
}

bool Fleet::IsExpectedAddress(const LiveNode& live, const model::ProofSubject& subject) const {
  const auto& addresses = subject.witnessed ? live.node.addresses : options_.service_addresses;
  return std::find(addresses.begin(), addresses.end(), subject.address) != addresses.end();
}

void Fleet::RecordLocal(
    LiveNode& live,
    const google::protobuf::RepeatedPtrField<types::v1::Observation>& observations) {
  bool changed = false;
  for (const auto& observation : observations) {
    auto proof = Read(observation, live.node.name, live.node.name.str(), false);
    if (!proof.ok()) {
      log::Warning("fleet.bad_observation",
                   {{"node", live.node.name.str()}, {"status", proof.status()}});
      continue;
    }
    if (!IsExpectedAddress(live, proof->subject)) continue;
    proof->boot_id = live.boot_id;
    proof->observed_at = state_.clock().Now();
    changed = proofs_.Record(std::move(*proof)) || changed;
  }
  if (changed) TellProofsChanged();
}

void Fleet::RecordWitnessed(const NodeName& subject, const std::string& boot_id,
                            const std::string& observer,
                            const types::v1::Observation& observation) {
  const auto found = nodes_.find(subject);
  if (found == nodes_.end()) return;
  auto proof = Read(observation, subject, observer, true);
  if (!proof.ok()) {
    log::Warning("fleet.bad_observation", {{"witness", observer}, {"status", proof.status()}});
    return;
  }
  if (!IsExpectedAddress(found->second, proof->subject)) return;
  proof->boot_id = boot_id;
  proof->observed_at = state_.clock().Now();
  if (proofs_.Record(std::move(*proof))) TellProofsChanged();
}

void Fleet::TellProofsChanged() {
  // Many proofs arrive together; who evaluates barriers is told once.
  if (proofs_changed_posted_) return;
  proofs_changed_posted_ = true;
  state_.Post([this] {
    proofs_changed_posted_ = false;
    for (FleetObserver* observer : observers_) observer->OnProofsChanged();
  });
}

void Fleet::NoteAnnounce(LiveNode& live, const agent::v1::AnnounceState& announce) {
  const bool before = live.CountsAsAnnouncing();
  const auto earlier = std::exchange(live.announce, Bounded(announce));
  NoteFollowing(live, earlier);
  if (live.CountsAsAnnouncing() == before) return;
  journal_.Info(before ? "node.withdrawn" : "node.announced", live.node.name.str(),
                before ? "no longer announces the service addresses: " + live.announce.evidence()
                       : "counts as announcing the service addresses: " + live.announce.evidence());
  TellProofsChanged();
}

// A withdrawal is told of once it is known what was done.
void Fleet::NoteFollowing(const LiveNode& live, const agent::v1::AnnounceState& before) {
  using agent::v1::AnnounceState;
  const AnnounceState& now = live.announce;
  const std::string& name = live.node.name.str();
  if (now.following() == AnnounceState::FOLLOWING_WITHDRAWN) {
    const bool is_known =
        before.following() == now.following() && !before.following_notes().empty();
    if (is_known || now.following_notes().empty()) return;
    journal_.Warning("http3.withdrawn", name, "as told: " + Joined(now.following_notes()));
  } else if (now.following() == before.following()) {
    return;
  } else if (now.following() == AnnounceState::FOLLOWING_WITHOUT_QUIC) {
    journal_.Warning("http3.returned", name, "is back, without HTTP/3");
  } else if (now.following() == AnnounceState::FOLLOWING_UNSPECIFIED) {
    journal_.Info("http3.returned", name, "has proved everything and is back");
  }
  TellProofsChanged();
}

void Fleet::UpdateFromHello(LiveNode& live, const agent::v1::Hello& hello) {
  live.boot_id = hello.boot_id();
  live.serving_generation = hello.serving_generation();
  live.serving_digest = hello.serving_digest();
  live.capabilities = Bounded(hello.capabilities());
  live.warnings.clear();
  const auto addresses = UsableAddresses(hello, options_.service_addresses);
  const bool moved = addresses != live.node.addresses;
  const std::string version = hello.agent_version().substr(0, kMaxVersionBytes);
  if (!moved && version == live.node.agent_version) return;
  live.node.addresses = addresses;
  live.node.agent_version = version;
  StoreNode(live.node, [](Status) {});
  if (!moved) return;
  const std::string cause = "node " + live.node.name.str() + " has other addresses";
  for (FleetObserver* observer : observers_) observer->OnNodesChanged(cause);
}

Result<agent::v1::Welcome> Fleet::OnHello(const NodeName& node, uint64_t session,
                                          const agent::v1::Hello& hello) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) {
    return PermissionDenied("node " + node.str() + " is not enrolled; enrol it with a new token");
  }
  LiveNode& live = found->second;
  if (live.node.banned) return PermissionDenied("node " + node.str() + " is banned");
  if (hello.boot_id().size() != 16) return InvalidArgument("hello.boot_id must be 16 bytes");
  for (FleetObserver* observer : observers_) {
    LS_RETURN_IF_ERROR(observer->OnHello(live, hello));
  }
  live.session = session;
  live.connected = true;
  live.connection_changed_at = state_.clock().Now();
  NoteAnnounce(live, hello.announce());
  UpdateFromHello(live, hello);
  journal_.Info("node.connected", node.str(),
                "agent " + live.node.agent_version + " serves generation " +
                    std::to_string(hello.serving_generation()));

  agent::v1::Welcome welcome;
  welcome.set_session_id(RandomBytes(16));
  welcome.mutable_epoch()->set_counter(epoch_.counter);
  welcome.mutable_epoch()->set_id(epoch_.id);
  welcome.mutable_heartbeat_interval()->set_seconds(options_.heartbeat_interval.count() /
                                                    1'000'000);
  welcome.set_controller_version(options_.version);
  welcome.set_node(node.str());
  welcome.set_pop(live.node.pop.str());
  for (FleetObserver* observer : observers_) observer->OnConnected(live, hello);
  TellProofsChanged();
  return welcome;
}

void Fleet::OnMessage(const NodeName& node, uint64_t session,
                      const agent::v1::AgentMessage& message) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || found->second.session != session) return;
  LiveNode& live = found->second;
  if (live.node.banned) return;  // its stream is being cut
  switch (message.message_case()) {
    case agent::v1::AgentMessage::kAck:
      live.serving_digest = message.ack().serving_digest();
      if (message.ack().outcome() == agent::v1::Ack::OUTCOME_APPLIED) {
        live.serving_generation = message.ack().generation();
      }
      RecordLocal(live, message.ack().observations());
      for (FleetObserver* observer : observers_) observer->OnAck(live, message.ack());
      break;
    case agent::v1::AgentMessage::kLaneAck:
      RecordLocal(live, message.lane_ack().observations());
      for (FleetObserver* observer : observers_) observer->OnLaneAck(live, message.lane_ack());
      break;
    case agent::v1::AgentMessage::kProofReport:
      RecordLocal(live, message.proof_report().observations());
      break;
    case agent::v1::AgentMessage::kWitnessReport:
      for (FleetObserver* observer : observers_) {
        observer->OnWitnessReport(live, message.witness_report());
      }
      break;
    case agent::v1::AgentMessage::kHeartbeat:
      OnHeartbeat(live, message.heartbeat());
      break;
    default:
      log::Warning("fleet.unexpected_message", {{"node", node.str()}});
      break;
  }
}

void Fleet::OnHeartbeat(LiveNode& live, const agent::v1::Heartbeat& heartbeat) {
  live.serving_generation = heartbeat.serving_generation();
  NoteAnnounce(live, heartbeat.announce());
  // Agents of before this field say nothing: what their Hello said stands.
  if (!heartbeat.capabilities().empty()) live.capabilities = Bounded(heartbeat.capabilities());
  std::vector<std::string> warnings = Bounded(heartbeat.warnings());
  if (warnings == live.warnings) return;
  for (const std::string& warning : warnings) {
    if (std::find(live.warnings.begin(), live.warnings.end(), warning) == live.warnings.end()) {
      journal_.Warning("node.warning", live.node.name.str(), warning);
    }
  }
  live.warnings = std::move(warnings);
}

void Fleet::OnClosed(const NodeName& node, uint64_t session, const Status& why) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || found->second.session != session) return;
  LiveNode& live = found->second;
  if (!live.connected) return;
  live.connected = false;
  live.connection_changed_at = state_.clock().Now();
  journal_.Warning("node.disconnected", node.str(), "the session ended: " + why.message());
  for (FleetObserver* observer : observers_) observer->OnDisconnected(live);
  TellProofsChanged();
}

void Fleet::StoreNode(const model::Node& node, Done done) {
  database_.Run(
      [node](store::Stores& stores) { return stores.nodes.Update(node); },
      [node, done = std::move(done)](const Status& status) {
        if (!status.ok()) {
          log::Error("fleet.node_not_stored", {{"node", node.name.str()}, {"status", status}});
        }
        done(status);
      },
      state_);
}

void Fleet::SetBanned(const NodeName& node, bool banned) {
  const std::lock_guard lock(banned_mutex_);
  if (banned) {
    banned_.insert(node);
  } else {
    banned_.erase(node);
  }
}

void Fleet::SetEnrolled(const NodeName& node, std::optional<WallTime> at) {
  const std::lock_guard lock(banned_mutex_);
  if (at) {
    enrolled_at_.insert_or_assign(node, *at);
  } else {
    enrolled_at_.erase(node);
  }
}

std::optional<WallTime> Fleet::EnrolledAt(const NodeName& node) const {
  const std::lock_guard lock(banned_mutex_);
  const auto found = enrolled_at_.find(node);
  return found == enrolled_at_.end() ? std::nullopt : std::optional(found->second);
}

bool Fleet::IsBanned(const NodeName& node) const {
  const std::lock_guard lock(banned_mutex_);
  return banned_.contains(node);
}

void Fleet::Ban(const NodeName& node, const std::string& reason, Done done) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return done(NotFound("no node " + node.str()));
  found->second.node.banned = true;
  found->second.node.ban_reason = reason;
  // At once, then on the disk: a ban that could not be stored still holds until the next start.
  SetBanned(node, true);
  link_->Cut(node, PermissionDenied("node " + node.str() + " is banned"));
  journal_.Warning("node.banned", node.str(), reason.empty() ? "banned" : "banned: " + reason);
  for (FleetObserver* observer : observers_) {
    observer->OnNodesChanged("node " + node.str() + " was banned");
  }
  StoreNode(found->second.node, std::move(done));
}

void Fleet::Unban(const NodeName& node, Done done) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return done(NotFound("no node " + node.str()));
  if (!found->second.node.banned) return done(Status::Ok());
  model::Node unbanned = found->second.node;
  unbanned.banned = false;
  unbanned.ban_reason.clear();
  StoreNode(unbanned, [this, unbanned, done = std::move(done)](const Status& status) {
    if (!status.ok()) return done(status);
    const auto at = nodes_.find(unbanned.name);
    if (at == nodes_.end()) return done(NotFound("node " + unbanned.name.str() + " was removed"));
    at->second.node.banned = false;
    at->second.node.ban_reason.clear();
    SetBanned(unbanned.name, false);
    journal_.Info("node.unbanned", unbanned.name.str(), "may connect again");
    for (FleetObserver* observer : observers_) {
      observer->OnNodesChanged("node " + unbanned.name.str() + " was unbanned");
    }
    done(Status::Ok());
  });
}

void Fleet::Remove(const NodeName& node, Done done) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return done(NotFound("no node " + node.str()));
  const bool ever_connected = !found->second.node.agent_version.empty();
  if (!found->second.node.banned && ever_connected) {
    return done(FailedPrecondition("node " + node.str() +
                                   " may still serve; stop its announcements, then ban it first"));
  }
  database_.Run([node](store::Stores& stores) { return stores.nodes.Delete(node); },
                [this, node, done = std::move(done)](const Status& status) {
                  if (!status.ok()) return done(status);
                  if (const auto at = nodes_.find(node); at != nodes_.end()) {
                    for (FleetObserver* observer : observers_) observer->OnDisconnected(at->second);
                    nodes_.erase(at);
                  }
                  proofs_.ForgetNode(node);
                  // Its certificate lives on: without a row it is refused as not enrolled.
                  SetBanned(node, false);
                  SetEnrolled(node, std::nullopt);
                  journal_.Info("node.removed", node.str(), "is no longer a node of the fleet");
                  for (FleetObserver* observer : observers_) {
                    observer->OnNodesChanged("node " + node.str() + " was removed");
                  }
                  TellProofsChanged();
                  done(Status::Ok());
                },
                state_);
}

void Fleet::Adopt(model::Node node) {
  const NodeName name = node.name;
  const auto found = nodes_.find(name);
  if (found != nodes_.end()) {
    found->second.node.identity_serial = node.identity_serial;
    found->second.node.identity_not_after = node.identity_not_after;
    found->second.node.spki_sha256 = node.spki_sha256;
    return;
  }
  SetEnrolled(name, node.enrolled_at);
  LiveNode live;
  live.node = std::move(node);
  nodes_.emplace(name, std::move(live));
  journal_.Info("node.enrolled", name.str(), "is a node of the fleet now");
  for (FleetObserver* observer : observers_) {
    observer->OnNodesChanged("node " + name.str() + " joined");
  }
  TellProofsChanged();
}

}  // namespace lockstep::controller::fleet
