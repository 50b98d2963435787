#include <utility>

#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/to_proto.h"

namespace lockstep::controller::adminapi {
namespace {

const char* PhaseName(model::RampPhase phase) {
  switch (phase) {
    case model::RampPhase::kSilent:
      return "silent";
    case model::RampPhase::kAdvertising:
      return "advertising";
    case model::RampPhase::kClearing:
      return "clearing";
  }
  return "unknown";
}

v1::AltSvcNode ToNode(const NodeName& name, const promises::NodeView& node) {
  v1::AltSvcNode out;
  out.set_node(name.str());
  out.mutable_values()->Assign(node.values.begin(), node.values.end());
  out.set_generation(node.generation);
  out.set_shown(node.missing.empty());
  out.set_missing(node.missing);
  return out;
}

v1::AltSvcHold ToHold(const promises::HoldView& hold) {
  v1::AltSvcHold out;
  out.set_alternative(hold.alternative);
  if (hold.until) *out.mutable_until() = ToProto(*hold.until);
  out.set_reason(hold.retirement.reason);
  for (const NodeName& node : hold.retirement.unproved) out.add_unproved(node.str());
  return out;
}

void AddLosses(const edge::Keeping& keeping, const fleet::Fleet& fleet,
               v1::GetAltSvcResponse* out) {
  for (const auto& [name, node] : keeping.state.nodes) {
    if (!node.broken_since && !node.marked_since) continue;
    v1::AltSvcLoss& loss = *out->add_losses();
    loss.set_node(name.str());
    if (node.broken_since) *loss.mutable_broken_since() = ToProto(*node.broken_since);
    if (node.marked_since) *loss.mutable_marked_since() = ToProto(*node.marked_since);
    loss.set_relapses(node.relapses);
    const auto why = keeping.withdraw.find(name);
    if (why != keeping.withdraw.end()) loss.set_reason(why->second);
    if (const fleet::LiveNode* live = fleet.Find(name)) loss.set_following(FollowingName(*live));
  }
}

}  // namespace

v1::AltSvcSite ToProto(const promises::SiteView& view) {
  v1::AltSvcSite out;
  out.set_site(view.site);
  out.set_value(view.value);
  out.set_phase(PhaseName(view.ramp.phase));
  out.set_note(view.note);
  if (view.next_at) *out.mutable_next_at() = ToProto(*view.next_at);
  out.set_switched_off(view.switched_off);
  out.set_step_backs(view.ramp.step_backs);
  for (const auto& [name, node] : view.nodes) *out.add_nodes() = ToNode(name, node);
  for (const promises::HoldView& hold : view.holds) *out.add_holds() = ToHold(hold);
  return out;
}

grpc::ServerUnaryReactor* AdminService::GetAltSvc(Context* context,
                                                  const v1::GetAltSvcRequest* request,
                                                  v1::GetAltSvcResponse* response) {
  return OnStrand(context, "GetAltSvc", request, [this, request, response](const ReplyPtr& reply) {
    for (const promises::SiteView& view : rooms_.promises.View()) {
      const bool is_asked = request->site().empty() || view.site == request->site() ||
                            view.site == StoredName(request->site());
      if (is_asked) *response->add_sites() = ToProto(view);
    }
    if (!request->site().empty() && response->sites().empty()) {
      return reply->Finish(NotFound("no site " + Quoted(request->site())));
    }
    AddLosses(rooms_.promises.keeping(), rooms_.fleet, response);
    reply->Finish(Status::Ok());
  });
}

grpc::ServerUnaryReactor* AdminService::SwitchAltSvc(Context* context,
                                                     const v1::SwitchAltSvcRequest* request,
                                                     v1::SwitchAltSvcResponse* response) {
  return OnStrand(
      context, "SwitchAltSvc", request,
      [this, request, response](const ReplyPtr& reply) {
        std::vector<std::string> sites;
        for (const auto& [name, site] : rooms_.sites.sites()) {
          const bool is_asked =
              request->all() || name == request->site() || name == StoredName(request->site());
          if (is_asked) sites.push_back(name);
        }
        if (sites.empty() && !request->all()) {
          return reply->Finish(NotFound("no site " + Quoted(request->site())));
        }
        const uint64_t before = rooms_.publisher.CarrierOfLastChange();
        rooms_.promises.Switch(
            sites, request->on(),
            [this, reply, response, before](const Result<std::vector<std::string>>& changed) {
              if (!changed.ok()) return reply->Finish(changed.status());
              response->mutable_sites()->Assign(changed->begin(), changed->end());
              const uint64_t carrier = rooms_.publisher.CarrierOfLastChange();
              if (carrier != before) response->set_generation(carrier);
              reply->Finish(Status::Ok());
            });
      },
      Access::kChange);
}

}  // namespace lockstep::controller::adminapi
