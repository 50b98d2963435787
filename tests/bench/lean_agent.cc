#include "tests/bench/lean_agent.h"

#include <utility>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"

namespace lockstep::bench {
namespace {

constexpr std::string_view kSessionPath = "/lockstep.agent.v1.AgentService/Session";

// What a node would have seen of a certificate on one of its listeners.
void AddObservation(agent::v1::Ack* ack, bool quic) {
  types::v1::Observation* seen = ack->add_observations();
  seen->set_kind(quic ? types::v1::PROBE_KIND_QUIC : types::v1::PROBE_KIND_TLS);
  seen->set_host("www.example.test");
  seen->set_address("203.0.113.10");
  seen->mutable_observed_at()->set_seconds(1'795'293'849);
  seen->mutable_elapsed()->set_nanos(2'100'000);
  types::v1::TlsSeen* tls = quic ? seen->mutable_quic()->mutable_tls() : seen->mutable_tls();
  tls->set_leaf_sha256(std::string(64, 'a'));
  tls->add_chain_sha256(std::string(64, 'b'));
  tls->set_serial(std::string(32, 'c'));
  tls->set_alpn(quic ? "h3" : "h2");
  tls->set_version("TLSv1.3");
}

// What anybody sees who asks a node in step for a challenge.
void SeeChallenge(const std::string& key_authorization, types::v1::Observation* seen) {
  seen->set_kind(types::v1::PROBE_KIND_CHALLENGE);
  seen->mutable_http()->set_status(200);
  seen->mutable_http()->set_body_sha256(crypto::Sha256(key_authorization));
  seen->mutable_http()->set_body_bytes(key_authorization.size());
}

}  // namespace

LeanAgent::LeanAgent(Options options, TlsConnection connection, Poller& poller, FleetCounts& counts)
    : options_(std::move(options)),
      connection_(std::move(connection)),
      poller_(poller),
      counts_(counts),
      stream_(GrpcStream::Role::kClient, [this](std::string_view bytes) { OnBytes(bytes); }) {
  poller_.Add(connection_.fd(), this, true);
}

void LeanAgent::OnReady() {
  if (!failed_) Drive();
}

void LeanAgent::Drive() {
  std::string input;
  const Status driven = connection_.Drive(&input);
  if (connection_.established() && !opened_) {
    opened_ = true;
    stream_.Open(kSessionPath, "localhost");
    agent::v1::AgentMessage message;
    agent::v1::Hello* hello = message.mutable_hello();
    hello->set_agent_version("0.1.0");
    hello->set_boot_id(RandomBytes(16));
    hello->add_addresses(options_.address.ToString());
    hello->add_capabilities("caddy/2.6.2");
    hello->mutable_announce()->set_state(agent::v1::AnnounceState::STATE_ANNOUNCED);
    stream_.Send(message.SerializeAsString());
  }
  counts_.received_bytes += input.size();
  const Status received = input.empty() ? Status::Ok() : stream_.Receive(input);
  Flush();
  if (!received.ok()) return Fail(received);
  if (!driven.ok()) return Fail(driven);
}

void LeanAgent::OnBytes(std::string_view serialised) {
  agent::v1::ControllerMessage message;
  if (!message.ParseFromArray(serialised.data(), static_cast<int>(serialised.size()))) {
    return Fail(DataLoss("a message that is no ControllerMessage"));
  }
  auto whole = inbox_.Take(std::move(message));
  if (!whole.ok()) return Fail(whole.status());
  if (whole->has_value()) OnMessage(**whole);
}

void LeanAgent::OnMessage(const agent::v1::ControllerMessage& message) {
  if (message.has_welcome()) {
    heartbeat_interval_ = Seconds(message.welcome().heartbeat_interval().seconds());
    heartbeat_due_ = Clock::System().Mono() + heartbeat_interval_;
  } else if (message.has_push()) {
    OnPush(message.push());
  } else if (message.has_lane_set()) {
    OnLaneSet(message.lane_set());
  } else if (message.has_witness_request()) {
    OnWitnessRequest(message.witness_request());
  }
}

void LeanAgent::OnPush(const agent::v1::Push& push) {
  ++counts_.pushes;
  agent::v1::AgentMessage answer;
  agent::v1::Ack* ack = answer.mutable_ack();
  ack->set_push_id(push.push_id());
  types::v1::Manifest manifest;
  snapshot::Snapshot offered = push.base_digest().empty() ? snapshot::Snapshot() : serving_;
  for (const types::v1::Resource& resource : push.upserts()) {
    offered.Put({resource.type(), resource.name()}, resource.body());
  }
  for (const types::v1::ResourceKey& key : push.removals())
    offered.Remove({key.type(), key.name()});
  const std::string digest = offered.Digest();
  const bool good =
      manifest.ParseFromString(push.manifest().manifest()) && manifest.digest() == digest;
  if (good) {
    serving_ = std::move(offered);
    ack->set_outcome(agent::v1::Ack::OUTCOME_APPLIED);
    for (int i = 0; i < options_.proofs; ++i) AddObservation(ack, i % 2 == 1);
  } else {
    ++counts_.bad_digests;
    ack->set_outcome(push.base_digest().empty() ? agent::v1::Ack::OUTCOME_REJECTED
                                                : agent::v1::Ack::OUTCOME_NEED_FULL);
  }
  ack->set_generation(manifest.generation());
  ack->set_serving_digest(digest);
  if (!ready_) {
    ready_ = true;
    ++counts_.ready;
    Send(answer);  // everybody answers the first: what comes later is what is measured
    reads_ = options_.behaviour != Behaviour::kNeverReads;
    return UpdateInterest();
  }
  Answer(answer);
}

void LeanAgent::OnLaneSet(const agent::v1::LaneSet& lane) {
  ++counts_.lane_sets;
  key_authorizations_.clear();
  agent::v1::AgentMessage answer;
  answer.mutable_lane_ack()->set_sequence(lane.sequence());
  for (const types::v1::Challenge& challenge : lane.challenges()) {
    types::v1::Observation* seen = answer.mutable_lane_ack()->add_observations();
    SeeChallenge(challenge.key_authorization(), seen);
    seen->set_host(challenge.host());
    seen->set_address("203.0.113.10");
    seen->set_token(challenge.token());
    key_authorizations_[challenge.token()] = challenge.key_authorization();
  }
  Answer(answer);
}

// The subject is in step: it answers with what the witness itself was told.
void LeanAgent::OnWitnessRequest(const agent::v1::WitnessRequest& request) {
  agent::v1::AgentMessage answer;
  answer.mutable_witness_report()->set_request_id(request.request_id());
  for (const agent::v1::WitnessTarget& target : request.targets()) {
    types::v1::Observation* seen = answer.mutable_witness_report()->add_observations();
    const auto found = key_authorizations_.find(target.token());
    if (found != key_authorizations_.end()) {
      SeeChallenge(found->second, seen);
    } else {
      seen->set_kind(target.kind());
      seen->set_error("a lean agent looks at challenges alone");
    }
    seen->set_host(target.host());
    seen->set_address(target.address());
    seen->set_token(target.token());
  }
  Send(answer);
}

void LeanAgent::Answer(const agent::v1::AgentMessage& message) {
  if (options_.behaviour != Behaviour::kAnswers && ready_) return;
  if (options_.ack_delay == Micros(0)) return Send(message);
  delayed_ = message.SerializeAsString();
  delayed_due_ = Clock::System().Mono() + options_.ack_delay;
}

void LeanAgent::Send(const agent::v1::AgentMessage& message) {
  stream_.Send(message.SerializeAsString());
}

void LeanAgent::Tick(MonoTime now) {
  if (failed_ || !opened_) return;
  if (!delayed_.empty() && now >= delayed_due_) stream_.Send(std::exchange(delayed_, {}));
  if (heartbeat_interval_ > Micros(0) && now >= heartbeat_due_) {
    agent::v1::AgentMessage message;
    message.mutable_heartbeat()->mutable_announce()->set_state(
        agent::v1::AnnounceState::STATE_ANNOUNCED);
    stream_.Send(message.SerializeAsString());
    heartbeat_due_ = now + heartbeat_interval_;
  }
  if (stream_.has_output()) Flush();
}

void LeanAgent::Flush() {
  if (const Status written = connection_.Write(stream_.TakeOutput()); !written.ok()) Fail(written);
  if (connection_.wants_write() != polls_write_) UpdateInterest();
}

void LeanAgent::UpdateInterest() {
  polls_write_ = connection_.wants_write();
  poller_.Change(connection_.fd(), this, reads_, polls_write_);
}

void LeanAgent::Fail(const Status& why) {
  if (failed_) return;
  failed_ = true;
  if (counts_.first_failure.empty()) {
    counts_.first_failure = options_.name.str() + ": " + why.ToString();
  }
  poller_.Change(connection_.fd(), this, false, false);
}

}  // namespace lockstep::bench
