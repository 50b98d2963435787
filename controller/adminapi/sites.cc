#include <utility>
#include <vector>

#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/paging.h"
#include "controller/adminapi/to_proto.h"
#include "controller/planner/planner.h"
#include "controller/sites/site_file.h"

namespace lockstep::controller::adminapi {
namespace {

// A site's name may be any word, also one that a host name would be written otherwise.
std::string StoredSite(const sites::Sites& sites, const std::string& name) {
  return sites.Find(name) != nullptr ? name : StoredName(name);
}

v1::SiteChange::Kind ToKind(sites::SiteChange::Kind kind) {
  switch (kind) {
    case sites::SiteChange::Kind::kCreate:
      return v1::SiteChange::KIND_CREATE;
    case sites::SiteChange::Kind::kUpdate:
      return v1::SiteChange::KIND_UPDATE;
    case sites::SiteChange::Kind::kDelete:
      return v1::SiteChange::KIND_DELETE;
    case sites::SiteChange::Kind::kUnchanged:
      return v1::SiteChange::KIND_UNCHANGED;
  }
  return v1::SiteChange::KIND_UNSPECIFIED;
}

}  // namespace

v1::Site AdminService::ToSite(const model::Site& site,
                              const std::vector<model::Certificate>& certificates) const {
  v1::Site out;
  out.set_name(site.name);
  for (const Hostname& host : site.hosts) {
    out.add_hosts(host.ascii());
    out.add_unicode_hosts(host.Unicode());
    const model::Certificate* certificate =
        planner::ChooseCertificate(certificates, host, rooms_.state.clock().Now());
    out.add_certificates(certificate == nullptr ? "" : certificate->name);
  }
  out.set_source(sites::RenderSite(site));
  out.set_content_summary(sites::SummaryOf(site));
  *out.mutable_updated_at() = ToProto(site.updated_at);
  return out;
}

edge::ZoneInput AdminService::ToZone(const model::Site& site) const {
  edge::ZoneInput out;
  const std::vector<model::Certificate> certificates = rooms_.book.List();
  const WallTime now = rooms_.state.clock().Now();
  for (const Hostname& host : site.hosts) {
    out.hosts.push_back({host, planner::ChooseCertificate(certificates, host, now) != nullptr});
  }
  out.service_addresses = rooms_.fleet.service_addresses();
  out.advertised = rooms_.promises.ValueOf(site.name);
  return out;
}

grpc::ServerUnaryReactor* AdminService::ApplySites(Context* context,
                                                   const v1::ApplySitesRequest* request,
                                                   v1::ApplySitesResponse* response) {
  const auto done = [this, response](const ReplyPtr& reply,
                                     const Result<std::vector<sites::SiteChange>>& changes,
                                     bool dry_run) {
    if (!changes.ok()) return reply->Finish(changes.status());
    bool changed = false;
    for (const sites::SiteChange& change : *changes) {
      v1::SiteChange& out = *response->add_changes();
      out.set_kind(ToKind(change.kind));
      out.set_site(change.site);
      out.mutable_lines()->Assign(change.lines.begin(), change.lines.end());
      changed = changed || change.kind != sites::SiteChange::Kind::kUnchanged;
    }
    if (changed && !dry_run) response->set_generation(rooms_.publisher.CarrierOfLastChange());
    if (changed || dry_run) return reply->Finish(Status::Ok());
    const auto carrier = rooms_.publisher.TryAgain("the same sites were applied again");
    if (carrier.ok()) response->set_generation(*carrier);
    reply->Finish(carrier.status());
  };
  return OnStrand(
      context, "ApplySites", request,
      [this, request, done](const ReplyPtr& reply) {
        rooms_.sites.Apply({.text = request->text(),
                            .file_name = request->file_name(),
                            .dry_run = request->dry_run(),
                            .allow_shrink = request->allow_shrink(),
                            .replace_all = request->replace_all()},
                           [reply, request, done](const auto& changes) {
                             done(reply, changes, request->dry_run());
                           });
      },
      request->dry_run() ? Access::kRead : Access::kChange);
}

grpc::ServerUnaryReactor* AdminService::ListSites(Context* context,
                                                  const v1::ListSitesRequest* request,
                                                  v1::ListSitesResponse* response) {
  return OnStrand(context, "ListSites", request, [this, request, response](const ReplyPtr& reply) {
    const auto& all = rooms_.sites.sites();
    const std::vector<model::Certificate> certificates = rooms_.book.List();
    const size_t size = PageSize(request->page_size(), kNamesPerPage);
    auto site =
        request->page_token().empty() ? all.begin() : all.upper_bound(request->page_token());
    for (; site != all.end() && std::cmp_less(response->sites_size(), size); ++site) {
      *response->add_sites() = ToSite(site->second, certificates);
    }
    if (site != all.end()) response->set_next_page_token(response->sites().rbegin()->name());
    reply->Finish(Status::Ok());
  });
}

grpc::ServerUnaryReactor* AdminService::GetSite(Context* context, const v1::GetSiteRequest* request,
                                                v1::GetSiteResponse* response) {
  return OnStrand(context, "GetSite", request, [this, request, response](const ReplyPtr& reply) {
    const model::Site* site = rooms_.sites.Find(StoredSite(rooms_.sites, request->name()));
    if (site == nullptr) return reply->Finish(NotFound("no site " + Quoted(request->name())));
    *response->mutable_site() = ToSite(*site, rooms_.book.List());
    auto zone = edge::RenderZone(ToZone(*site));
    if (!zone.ok()) return reply->Finish(zone.status());
    response->set_zone(*std::move(zone));
    reply->Finish(Status::Ok());
  });
}

grpc::ServerUnaryReactor* AdminService::DeleteSite(Context* context,
                                                   const v1::DeleteSiteRequest* request,
                                                   v1::DeleteSiteResponse* response) {
  return OnStrand(
      context, "DeleteSite", request,
      [this, request, response](const ReplyPtr& reply) {
        rooms_.sites.Delete(StoredSite(rooms_.sites, request->name()), request->allow_shrink(),
                            [this, reply, response](const Status& status) {
                              if (status.ok()) {
                                response->set_generation(rooms_.publisher.CarrierOfLastChange());
                              }
                              reply->Finish(status);
                            });
      },
      Access::kChange);
}

}  // namespace lockstep::controller::adminapi
