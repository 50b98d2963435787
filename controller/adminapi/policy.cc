#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"
#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/to_proto.h"
#include "controller/policy/explain.h"
#include "controller/policy/policy_file.h"
#include "lockstep/types/v1/observation.pb.h"

namespace lockstep::controller::adminapi {
namespace {

constexpr size_t kFingerprintBytes = 8;

v1::PolicyKnob ToKnob(const policy::ExplainedKnob& knob) {
  v1::PolicyKnob out;
  out.set_site(knob.site);
  out.set_knob(knob.knob);
  out.set_wanted(knob.wanted);
  out.set_from(knob.from);
  out.set_offered(knob.offered);
  out.set_resulting(knob.resulting);
  out.set_enforceable(knob.enforceable);
  return out;
}

v1::QuicSight ToSight(const model::Proof& proof) {
  v1::QuicSight out;
  out.set_host(proof.subject.host.ascii());
  out.set_address(proof.subject.address.ToString());
  out.set_observer(proof.observer);
  out.set_witnessed(proof.subject.witnessed);
  *out.mutable_seen_at() = adminapi::ToProto(proof.observed_at);
  types::v1::Observation seen;
  if (!seen.ParseFromString(proof.observation) || !seen.has_quic()) {
    out.set_error(proof.problem.empty() ? "not answered" : proof.problem);
    return out;
  }
  const auto& parameters = seen.quic().parameters();
  out.set_disable_active_migration(parameters.disable_active_migration());
  *out.mutable_idle_timeout() = parameters.max_idle_timeout();
  for (const std::string& address : {parameters.preferred_ipv4(), parameters.preferred_ipv6()}) {
    if (!address.empty()) out.add_preferred_addresses(address);
  }
  out.set_moved_to(seen.quic().moved_to());
  out.set_move_error(seen.quic().move_error());
  return out;
}

// What the sites promise, and what of it this node says.
void AddPromises(const NodeName& node, const std::vector<std::string>& sites,
                 std::vector<promises::SiteView> views, v1::ExplainPolicyResponse* out) {
  for (promises::SiteView& view : views) {
    if (std::ranges::find(sites, view.site) == sites.end()) continue;
    std::erase_if(view.nodes, [&](const auto& entry) { return entry.first != node; });
    *out->add_alt_svc() = adminapi::ToProto(view);
  }
}

void AddKey(const std::string& role, const std::optional<model::QuicKey>& key,
            v1::GetQuicKeysResponse* out) {
  if (!key) return;
  v1::QuicKey& added = *out->add_keys();
  added.set_role(role);
  added.set_fingerprint(HexEncode(crypto::Sha256(key->bytes).substr(0, kFingerprintBytes)));
  *added.mutable_created_at() = adminapi::ToProto(key->created_at);
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::ApplyPolicy(Context* context,
                                                    const v1::ApplyPolicyRequest* request,
                                                    v1::ApplyPolicyResponse* response) {
  return OnStrand(
      context, "ApplyPolicy", request,
      [this, request, response](const ReplyPtr& reply) {
        rooms_.policies.Apply({request->text(), request->file_name(), request->force()},
                              [this, reply, response](const Result<policy::Applied>& applied) {
                                if (!applied.ok()) return reply->Finish(applied.status());
                                response->mutable_warnings()->Assign(applied->warnings.begin(),
                                                                     applied->warnings.end());
                                if (applied->changed) {
                                  response->set_generation(rooms_.publisher.CarrierOfLastChange());
                                  return reply->Finish(Status::Ok());
                                }
                                const auto carrier =
                                    rooms_.publisher.TryAgain("the same policy was applied again");
                                if (carrier.ok()) response->set_generation(*carrier);
                                reply->Finish(carrier.status());
                              });
      },
      Access::kChange);
}

grpc::ServerUnaryReactor* AdminService::GetPolicy(Context* context,
                                                  const v1::GetPolicyRequest* request,
                                                  v1::GetPolicyResponse* response) {
  return OnStrand(context, "GetPolicy", request, [this, response](const ReplyPtr& reply) {
    response->set_text(policy::RenderPolicy(rooms_.policies.policy()));
    if (const auto applied_at = rooms_.policies.applied_at()) {
      *response->mutable_applied_at() = adminapi::ToProto(*applied_at);
    }
    reply->Finish(Status::Ok());
  });
}

Status AdminService::Explain(const v1::ExplainPolicyRequest& request,
                             v1::ExplainPolicyResponse* response) const {
  LS_ASSIGN_OR_RETURN(const NodeName name, NodeName::Parse(request.node()));
  const fleet::LiveNode* live = rooms_.fleet.Find(name);
  if (live == nullptr) return NotFound("no node " + Quoted(request.node()));
  std::vector<std::string> sites;
  std::set<Hostname> hosts;
  for (const auto& [site_name, site] : rooms_.sites.sites()) {
    const bool is_asked = site_name == request.site() || site_name == StoredName(request.site());
    if (!request.site().empty() && !is_asked) continue;
    sites.push_back(site_name);
    hosts.insert(site.hosts.begin(), site.hosts.end());
  }
  if (!request.site().empty() && sites.empty()) {
    return NotFound("no site " + Quoted(request.site()));
  }
  const auto explained =
      policy::Explain(rooms_.policies.policy(), {live->node, live->capabilities}, sites);
  response->set_node(name.str());
  response->set_server(explained.server.name);
  for (const policy::ExplainedKnob& knob : explained.knobs) *response->add_knobs() = ToKnob(knob);
  AddPromises(name, sites, rooms_.promises.View(), response);
  for (const auto& [subject, proof] : rooms_.fleet.book()) {
    const bool is_its = subject.node == name && subject.kind == model::ProbeKind::kQuic;
    if (is_its && hosts.contains(subject.host)) *response->add_sights() = ToSight(proof);
  }
  return Status::Ok();
}

grpc::ServerUnaryReactor* AdminService::ExplainPolicy(Context* context,
                                                      const v1::ExplainPolicyRequest* request,
                                                      v1::ExplainPolicyResponse* response) {
  return OnStrand(context, "ExplainPolicy", request,
                  [this, request, response](const ReplyPtr& reply) {
                    reply->Finish(Explain(*request, response));
                  });
}

grpc::ServerUnaryReactor* AdminService::GetQuicKeys(Context* context,
                                                    const v1::GetQuicKeysRequest* request,
                                                    v1::GetQuicKeysResponse* response) {
  return OnStrand(context, "GetQuicKeys", request, [this, response](const ReplyPtr& reply) {
    const model::QuicKeys& keys = rooms_.key_ring.keys();
    AddKey("connection id", keys.connection_id, response);
    AddKey("ticket current", keys.ticket_current, response);
    AddKey("ticket next", keys.ticket_next, response);
    AddKey("ticket previous", keys.ticket_previous, response);
    AddKey("token current", keys.token_current, response);
    AddKey("token next", keys.token_next, response);
    AddKey("token previous", keys.token_previous, response);
    reply->Finish(Status::Ok());
  });
}

grpc::ServerUnaryReactor* AdminService::RotateQuicKeys(Context* context,
                                                       const v1::RotateQuicKeysRequest* request,
                                                       v1::RotateQuicKeysResponse* response) {
  return OnStrand(
      context, "RotateQuicKeys", request,
      [this, response](const ReplyPtr& reply) {
        rooms_.key_ring.RotateNow([this, reply, response](const Status& status) {
          if (status.ok()) response->set_generation(rooms_.publisher.CarrierOfLastChange());
          reply->Finish(status);
        });
      },
      Access::kChange);
}

}  // namespace lockstep::controller::adminapi
