#include "controller/adminapi/to_proto.h"

#include "common/base/encoding.h"

namespace lockstep::controller::adminapi {
namespace {

const char* SeverityName(model::Severity severity) {
  switch (severity) {
    case model::Severity::kInfo:
      return "info";
    case model::Severity::kWarning:
      return "warning";
    case model::Severity::kError:
      return "error";
  }
  return "unknown";
}

// The values of both are the same, by the model's own word.
static_assert(static_cast<int>(model::OrderState::kFailed) == admin::v1::Order::STATE_FAILED);
static_assert(static_cast<int>(model::OrderState::kBarrier) == admin::v1::Order::STATE_BARRIER);
static_assert(static_cast<int>(model::GenerationState::kRolledBack) ==
              admin::v1::Generation::STATE_ROLLED_BACK);

}  // namespace

google::protobuf::Timestamp ToProto(WallTime time) {
  const int64_t micros = ToUnixMicros(time);
  int64_t seconds = micros / 1'000'000;
  int64_t rest = micros % 1'000'000;
  if (rest < 0) {
    seconds -= 1;
    rest += 1'000'000;
  }
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(static_cast<int32_t>(rest * 1000));
  return timestamp;
}

std::string StoredName(const std::string& name) {
  const Result<Hostname> host = Hostname::Parse(name);
  return host.ok() ? host->ascii() : name;
}

admin::v1::Token ToProto(const model::JoinToken& token) {
  admin::v1::Token out;
  out.set_id(token.id);
  out.set_node(token.node.str());
  out.set_pop(token.pop.str());
  *out.mutable_created_at() = ToProto(token.created_at);
  *out.mutable_expires_at() = ToProto(token.expires_at);
  out.set_used(token.used_by_spki_sha256.has_value());
  out.set_revoked(token.revoked);
  return out;
}

admin::v1::Event ToProto(const model::Event& event) {
  admin::v1::Event out;
  out.set_id(event.id);
  *out.mutable_at() = ToProto(event.at);
  out.set_severity(SeverityName(event.severity));
  out.set_kind(event.kind);
  out.set_subject(event.subject);
  out.set_text(event.text);
  return out;
}

admin::v1::Order ToProto(const model::Order& order) {
  admin::v1::Order out;
  out.set_id(order.id.str());
  out.set_certificate(order.certificate);
  for (const Hostname& host : order.hosts) out.add_hosts(host.ascii());
  out.set_state(static_cast<admin::v1::Order::State>(order.state));
  out.set_error(order.error);
  out.set_ca_error(order.ca_error);
  out.set_reason(order.reason);
  *out.mutable_created_at() = ToProto(order.created_at);
  if (order.ended_at) *out.mutable_ended_at() = ToProto(*order.ended_at);
  for (const model::OrderStep& step : order.steps) {
    admin::v1::OrderStep& added = *out.add_steps();
    added.set_what(step.what);
    added.set_detail(step.detail);
    *added.mutable_at() = ToProto(step.at);
  }
  out.mutable_missing()->Assign(order.missing.begin(), order.missing.end());
  out.mutable_rehearsal()->Assign(order.rehearsal.begin(), order.rehearsal.end());
  out.mutable_after_commit()->Assign(order.after_commit.begin(), order.after_commit.end());
  out.set_serial(order.serial);
  out.set_generation(order.generation);
  return out;
}

admin::v1::NodeProof ToProto(const model::Proof& proof) {
  admin::v1::NodeProof out;
  out.set_node(proof.subject.node.str());
  out.set_observer(proof.observer);
  // Kept as it came; what does not parse any more is shown by its subject alone.
  if (!out.mutable_observation()->ParseFromString(proof.observation)) {
    out.clear_observation();
    out.mutable_observation()->set_kind(
        static_cast<types::v1::ProbeKind>(static_cast<int>(proof.subject.kind)));
    out.mutable_observation()->set_host(proof.subject.host.ascii());
    out.mutable_observation()->set_address(proof.subject.address.ToString());
    *out.mutable_observation()->mutable_observed_at() = ToProto(proof.observed_at);
  }
  // The body's first bytes are token "." thumbprint: the key authorization is never shown.
  if (out.observation().has_http()) out.mutable_observation()->mutable_http()->clear_body_start();
  out.set_good(proof.good);
  out.set_problem(proof.problem);
  return out;
}

admin::v1::Generation ToProto(const model::Generation& generation) {
  admin::v1::Generation out;
  out.set_number(generation.number);
  out.set_state(static_cast<admin::v1::Generation::State>(generation.state));
  out.set_cause(generation.cause);
  out.set_problem(generation.problem);
  *out.mutable_created_at() = ToProto(generation.created_at);
  if (generation.ended_at) *out.mutable_ended_at() = ToProto(*generation.ended_at);
  out.set_digest(HexEncode(generation.digest));
  uint32_t sites = 0;
  uint32_t certificates = 0;
  for (const model::GenerationResource& resource : generation.resources) {
    sites += resource.type == "site" ? 1 : 0;
    certificates += resource.type == "certificate" ? 1 : 0;
  }
  out.set_sites(sites);
  out.set_certificates(certificates);
  return out;
}

admin::v1::Certificate ToProto(const model::Certificate& certificate) {
  admin::v1::Certificate out;
  out.set_name(certificate.name);
  for (const Hostname& host : certificate.hosts) out.add_hosts(host.ascii());
  out.set_revision(certificate.revision);
  out.set_serial(certificate.serial);
  out.set_leaf_sha256(certificate.leaf_sha256);
  out.set_issuer(certificate.issuer);
  *out.mutable_not_before() = ToProto(certificate.not_before);
  *out.mutable_not_after() = ToProto(certificate.not_after);
  return out;
}

std::string FollowingName(const fleet::LiveNode& live) {
  using agent::v1::AnnounceState;
  if (!live.IsFollowing()) return "";
  switch (live.announce.following()) {
    case AnnounceState::FOLLOWING_WITHDRAWN:
      return "withdrawn";
    case AnnounceState::FOLLOWING_RETURNING:
      return "returning";
    case AnnounceState::FOLLOWING_WITHOUT_QUIC:
      return "without HTTP/3";
    default:
      return "";
  }
}

admin::v1::Node ToProto(const fleet::LiveNode& live) {
  admin::v1::Node out;
  out.set_name(live.node.name.str());
  out.set_pop(live.node.pop.str());
  for (const IpAddress& address : live.node.addresses) out.add_addresses(address.ToString());
  out.set_connected(live.connected);
  if (ToUnixMicros(live.connection_changed_at) != 0) {
    *out.mutable_connection_changed_at() = ToProto(live.connection_changed_at);
  }
  out.set_banned(live.node.banned);
  out.set_ban_reason(live.node.ban_reason);
  out.set_announcing(live.CountsAsAnnouncing());
  out.set_announce_evidence(live.connected ? live.announce.evidence()
                                           : "not connected: counts as announcing");
  out.set_serving_generation(live.serving_generation);
  out.set_agent_version(live.node.agent_version);
  out.mutable_capabilities()->Assign(live.capabilities.begin(), live.capabilities.end());
  *out.mutable_identity_not_after() = ToProto(live.node.identity_not_after);
  *out.mutable_bgp_sessions() = live.announce.sessions();
  out.mutable_warnings()->Assign(live.warnings.begin(), live.warnings.end());
  if (!live.suspect.empty()) out.add_warnings(live.suspect);
  *out.mutable_enrolled_at() = ToProto(live.node.enrolled_at);
  out.set_following(FollowingName(live));
  if (live.IsFollowing()) *out.mutable_following_notes() = live.announce.following_notes();
  return out;
}

}  // namespace lockstep::controller::adminapi
