#include "controller/adminapi/translate.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "controller/sites/site_file.h"

namespace lockstep::controller::adminapi {
namespace {

constexpr uint32_t kLargestPage = 10'000;

bool HasProved(const barrier::Verdict& verdict, const NodeName& node) {
  return std::find(verdict.stragglers.begin(), verdict.stragglers.end(), node) ==
         verdict.stragglers.end();
}

}  // namespace

void SetTime(WallTime time, google::protobuf::Timestamp* out) {
  const int64_t micros = ToUnixMicros(time);
  out->set_seconds(micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
}

void Translate(const Rooms& rooms, const fleet::LiveNode& live, admin::v1::Node* out) {
  const model::Node& node = live.node;
  out->set_name(node.name.str());
  out->set_pop(node.pop.str());
  for (const IpAddress& address : node.addresses) out->add_addresses(address.ToString());
  out->set_connected(live.connected);
  if (ToUnixMicros(live.connection_changed_at) != 0) {
    SetTime(live.connection_changed_at, out->mutable_connection_changed_at());
  }
  out->set_banned(node.banned);
  out->set_ban_reason(node.ban_reason);
  out->set_announcing(live.CountsAsAnnouncing());
  out->set_announce_evidence(live.connected ? live.announce.evidence()
                                            : "unreachable counts as announcing");
  out->set_target_generation(rooms.publisher.TargetOf(node.name));
  out->set_serving_generation(live.serving_generation);
  const bool proved = live.connected && HasProved(rooms.publisher.JudgeFleet(), node.name);
  if (proved) out->set_proved_generation(rooms.publisher.AppliedBy(node.name));
  out->set_agent_version(node.agent_version);
  for (const std::string& capability : live.capabilities) out->add_capabilities(capability);
  SetTime(node.identity_not_after, out->mutable_identity_not_after());
  for (const std::string& session : live.announce.sessions()) out->add_bgp_sessions(session);
  for (const std::string& warning : live.warnings) out->add_warnings(warning);
  if (!live.suspect.empty()) out->add_warnings("suspect: " + live.suspect);
  SetTime(node.enrolled_at, out->mutable_enrolled_at());
}

void Translate(const model::JoinToken& token, admin::v1::Token* out) {
  out->set_id(token.id);
  out->set_node(token.node.str());
  out->set_pop(token.pop.str());
  SetTime(token.created_at, out->mutable_created_at());
  SetTime(token.expires_at, out->mutable_expires_at());
  out->set_used(token.used_by_spki_sha256.has_value());
  out->set_revoked(token.revoked);
}

void Translate(const Rooms& rooms, const model::Site& site, admin::v1::Site* out) {
  out->set_name(site.name);
  for (const Hostname& host : site.hosts) {
    out->add_hosts(host.ascii());
    out->add_unicode_hosts(host.Unicode());
    const auto* served = rooms.publisher.FindServed(host);
    out->add_certificates(served != nullptr ? served->lineage : "");
  }
  out->set_source(sites::RenderSite(site));
  out->set_content_summary(sites::SummaryOf(site));
  SetTime(site.updated_at, out->mutable_updated_at());
}

void Translate(const sites::SiteChange& change, admin::v1::SiteChange* out) {
  using Kind = sites::SiteChange::Kind;
  switch (change.kind) {
    case Kind::kCreate:
      out->set_kind(admin::v1::SiteChange::KIND_CREATE);
      break;
    case Kind::kUpdate:
      out->set_kind(admin::v1::SiteChange::KIND_UPDATE);
      break;
    case Kind::kDelete:
      out->set_kind(admin::v1::SiteChange::KIND_DELETE);
      break;
    case Kind::kUnchanged:
      out->set_kind(admin::v1::SiteChange::KIND_UNCHANGED);
      break;
  }
  out->set_site(change.site);
  for (const std::string& line : change.lines) out->add_lines(line);
}

void Translate(const Rooms& rooms, const model::Certificate& certificate,
               admin::v1::Certificate* out) {
  out->set_name(certificate.name);
  std::vector<planner::ServedCertificate> served;
  for (const Hostname& host : certificate.hosts) {
    out->add_hosts(host.ascii());
    served.push_back({host, certificate.name, certificate.leaf_sha256, certificate.not_after});
  }
  out->set_revision(certificate.revision);
  out->set_serial(certificate.serial);
  out->set_leaf_sha256(certificate.leaf_sha256);
  out->set_issuer(certificate.issuer);
  SetTime(certificate.not_before, out->mutable_not_before());
  SetTime(certificate.not_after, out->mutable_not_after());
  SetTime(rooms.renewals.DueAt(certificate), out->mutable_renew_at());
  if (const auto* renewal = rooms.renewals.Find(certificate.name)) {
    out->set_last_error(renewal->last_error);
  }
  const auto verdict =
      barrier::Evaluate(rooms.fleet.Members(), publish::Publisher::TargetsOf(served),
                        rooms.fleet.service_addresses(), rooms.fleet.book(), {});
  if (verdict.proved > 0) out->set_generation(rooms.publisher.proved_generation());
  out->set_nodes_proved(static_cast<uint32_t>(verdict.proved));
  out->set_nodes_announced(static_cast<uint32_t>(verdict.members));
}

void Translate(const model::Order& order, admin::v1::Order* out) {
  out->set_id(order.id.str());
  out->set_certificate(order.certificate);
  for (const Hostname& host : order.hosts) out->add_hosts(host.ascii());
  // The values are the same; tests hold them together.
  out->set_state(static_cast<admin::v1::Order::State>(order.state));
  out->set_error(order.error);
  out->set_ca_error(order.ca_error);
  out->set_reason(order.reason);
  SetTime(order.created_at, out->mutable_created_at());
  if (order.ended_at) SetTime(*order.ended_at, out->mutable_ended_at());
  for (const model::OrderStep& step : order.steps) {
    auto* shown = out->add_steps();
    shown->set_what(step.what);
    shown->set_detail(step.detail);
    SetTime(step.at, shown->mutable_at());
  }
  for (const std::string& line : order.missing) out->add_missing(line);
  for (const std::string& line : order.rehearsal) out->add_rehearsal(line);
  for (const std::string& line : order.after_commit) out->add_after_commit(line);
  out->set_serial(order.serial);
  out->set_generation(order.generation);
}

void Translate(const model::Proof& proof, admin::v1::NodeProof* out) {
  out->set_node(proof.subject.node.str());
  out->set_observer(proof.observer);
  if (!out->mutable_observation()->ParseFromString(proof.observation)) {
    out->clear_observation();
  }
  // When we took it, not when the observer's clock says so.
  SetTime(proof.observed_at, out->mutable_observation()->mutable_observed_at());
  out->set_good(proof.good);
  out->set_problem(proof.problem);
}

void Translate(const Rooms& rooms, const model::Generation& generation,
               admin::v1::Generation* out) {
  out->set_number(generation.number);
  out->set_state(static_cast<admin::v1::Generation::State>(generation.state));
  out->set_cause(generation.cause);
  SetTime(generation.created_at, out->mutable_created_at());
  if (generation.ended_at) SetTime(*generation.ended_at, out->mutable_ended_at());
  out->set_problem(generation.problem);
  out->set_digest(HexEncode(generation.digest));
  for (const model::GenerationResource& resource : generation.resources) {
    if (resource.type == "site") out->set_sites(out->sites() + 1);
    if (resource.type == "certificate") out->set_certificates(out->certificates() + 1);
  }
  const auto progress = rooms.publisher.FindProgress();
  if (progress && progress->generation.number == generation.number) {
    out->set_wave(static_cast<uint32_t>(progress->wave));
    out->set_waves(static_cast<uint32_t>(progress->waves));
    out->set_nodes_proved(static_cast<uint32_t>(progress->proved.size()));
    if (out->problem().empty()) out->set_problem(progress->problem);
  } else {
    uint32_t applied = 0;
    for (const auto& [name, live] : rooms.fleet.nodes()) {
      if (live.connected && rooms.publisher.AppliedBy(name) == generation.number) ++applied;
    }
    out->set_nodes_proved(applied);
  }
  out->set_nodes(static_cast<uint32_t>(rooms.fleet.EnrolledNodes().size()));
}

void Translate(const model::Event& event, admin::v1::Event* out) {
  out->set_id(event.id);
  SetTime(event.at, out->mutable_at());
  switch (event.severity) {
    case model::Severity::kInfo:
      out->set_severity("info");
      break;
    case model::Severity::kWarning:
      out->set_severity("warning");
      break;
    case model::Severity::kError:
      out->set_severity("error");
      break;
  }
  out->set_kind(event.kind);
  out->set_subject(event.subject);
  out->set_text(event.text);
}

Result<Page> ReadPage(uint32_t page_size, const std::string& page_token, uint32_t usual) {
  if (page_size > kLargestPage) {
    return InvalidArgument("page_size: must be at most " + std::to_string(kLargestPage));
  }
  if (page_token.size() > 300) return InvalidArgument("page_token: is not one of ours");
  return Page{page_size == 0 ? usual : page_size, page_token};
}

}  // namespace lockstep::controller::adminapi
