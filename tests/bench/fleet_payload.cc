#include "tests/bench/fleet_payload.h"

#include <algorithm>
#include <memory>

#include "common/base/encoding.h"
#include "lockstep/agent/v1/session.pb.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::bench {
namespace {

constexpr size_t kChallengeOverhead = 160;  // of a lane set around its token
const snapshot::ResourceKey kCertificate = {"certificate", "www.example.test"};

// Resource bodies are opaque to whoever carries them.
std::string CertificateBody(size_t bytes) { return RandomBytes(bytes); }

}  // namespace

FleetPayload::FleetPayload(size_t certificate_bytes) {
  snapshot_.Put({"fleet", "fleet"}, RandomBytes(200));
  snapshot_.Put({"node", "node"}, RandomBytes(100));
  snapshot_.Put({"site", "www.example.test"}, RandomBytes(300));
  snapshot_.Put(kCertificate, CertificateBody(certificate_bytes));
}

void FleetPayload::Advance(size_t certificate_bytes) {
  base_digest_ = snapshot_.Digest();
  const auto body = std::make_shared<const std::string>(CertificateBody(certificate_bytes));
  snapshot_.Put(kCertificate, body);
  delta_ = {};
  delta_.upserts.emplace_back(kCertificate, body);
  ++generation_;
}

void FleetPayload::AdvanceLane(size_t message_bytes) {
  ++lane_sequence_;
  lane_bytes_ = message_bytes;
}

std::string FleetPayload::Manifest() const {
  types::v1::Manifest manifest;
  manifest.set_node("fra1");
  manifest.mutable_epoch()->set_counter(1);
  manifest.mutable_epoch()->set_id(std::string(16, 'e'));
  manifest.set_start_id(std::string(16, 's'));
  manifest.set_generation(generation_);
  manifest.set_digest(snapshot_.Digest());
  return manifest.SerializeAsString();
}

std::string FleetPayload::DeltaPush() const {
  agent::v1::ControllerMessage message;
  auto* push = message.mutable_push();
  push->set_push_id(generation_);
  push->mutable_manifest()->set_manifest(Manifest());
  push->mutable_manifest()->set_signature(std::string(71, 'g'));  // as long as an ECDSA one
  push->set_base_digest(base_digest_);
  for (const auto& [key, body] : delta_.upserts) {
    auto* resource = push->add_upserts();
    resource->set_type(key.type);
    resource->set_name(key.name);
    resource->set_body(*body);
  }
  return message.SerializeAsString();
}

std::string FleetPayload::FullPush() const {
  agent::v1::ControllerMessage message;
  auto* push = message.mutable_push();
  push->set_push_id(generation_);
  push->mutable_manifest()->set_manifest(Manifest());
  push->mutable_manifest()->set_signature(std::string(71, 'g'));
  for (const auto& [key, entry] : snapshot_.entries()) {
    auto* resource = push->add_upserts();
    resource->set_type(key.type);
    resource->set_name(key.name);
    resource->set_body(*entry.body);
  }
  return message.SerializeAsString();
}

std::string FleetPayload::LaneSet() const {
  agent::v1::ControllerMessage message;
  auto* lane = message.mutable_lane_set();
  lane->set_sequence(lane_sequence_);
  lane->mutable_lease()->set_seconds(60);
  if (lane_bytes_ > 0) {
    // Padded through the token, which travels twice.
    const size_t spare = lane_bytes_ - std::min(lane_bytes_, kChallengeOverhead);
    const std::string token(std::clamp<size_t>(spare / 2, 43, 128), 't');
    auto* challenge = lane->add_challenges();
    challenge->set_order("o-0123456789abcdef");
    challenge->set_host("www.example.test");
    challenge->set_token(token);
    challenge->set_key_authorization(token + "." + std::string(43, 'a'));
  }
  return message.SerializeAsString();
}

std::string FleetPayload::Welcome() const {
  agent::v1::ControllerMessage message;
  auto* welcome = message.mutable_welcome();
  welcome->set_session_id(std::string(16, 'i'));
  welcome->mutable_epoch()->set_counter(1);
  welcome->mutable_epoch()->set_id(std::string(16, 'e'));
  welcome->mutable_heartbeat_interval()->set_seconds(60);
  welcome->set_controller_version("0.1.0");
  return message.SerializeAsString();
}

}  // namespace lockstep::bench
