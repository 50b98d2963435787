// Sites.
#include "controller/adminapi/handlers.h"
#include "controller/adminapi/translate.h"

namespace lockstep::controller::adminapi {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;

bool Changes(const std::vector<sites::SiteChange>& changes) {
  for (const sites::SiteChange& change : changes) {
    if (change.kind != sites::SiteChange::Kind::kUnchanged) return true;
  }
  return false;
}

}  // namespace

void Handle(Rooms& rooms, const v1::ApplySitesRequest& request, v1::ApplySitesResponse* response,
            ReplyPtr reply) {
  if (request.text().empty()) return reply->Finish(InvalidArgument("text: is required"));
  if (request.text().size() > kMaxFileBytes) {
    return reply->Finish(InvalidArgument("text: a site file has at most 1 MiB"));
  }
  if (!request.dry_run() && !rooms.publisher.read_only_reason().empty()) {
    return reply->Finish(FailedPrecondition("the controller is read-only: " +
                                            rooms.publisher.read_only_reason()));
  }
  const std::string file = request.file_name().empty() ? "sites" : request.file_name();
  rooms.sites.Apply(
      {request.text(), file, request.dry_run(), request.allow_shrink(), request.replace_all()},
      [&rooms, reply, response,
       dry_run = request.dry_run()](const Result<std::vector<sites::SiteChange>>& changes) {
        if (!changes.ok()) return reply->Finish(changes.status());
        for (const sites::SiteChange& change : *changes) {
          Translate(change, response->add_changes());
        }
        if (!dry_run && Changes(*changes)) {
          response->set_generation(rooms.publisher.CarrierOfLastChange());
        }
        reply->Finish(Status::Ok());
      });
}

void Handle(Rooms& rooms, const v1::ListSitesRequest& request, v1::ListSitesResponse* response,
            ReplyPtr reply) {
  const auto page = ReadPage(request.page_size(), request.page_token());
  if (!page.ok()) return reply->Finish(page.status());
  for (const auto& [name, site] : rooms.sites.sites()) {
    if (name <= page->after) continue;
    if (static_cast<size_t>(response->sites_size()) == page->size) {
      response->set_next_page_token(response->sites().rbegin()->name());
      break;
    }
    Translate(rooms, site, response->add_sites());
  }
  reply->Finish(Status::Ok());
}

void Handle(Rooms& rooms, const v1::GetSiteRequest& request, v1::GetSiteResponse* response,
            ReplyPtr reply) {
  const model::Site* site = rooms.sites.Find(request.name());
  if (site == nullptr) return reply->Finish(NotFound("no site " + Quoted(request.name())));
  Translate(rooms, *site, response->mutable_site());
  reply->Finish(Status::Ok());
}

void Handle(Rooms& rooms, const v1::DeleteSiteRequest& request, v1::DeleteSiteResponse* response,
            ReplyPtr reply) {
  if (!rooms.publisher.read_only_reason().empty()) {
    return reply->Finish(FailedPrecondition("the controller is read-only: " +
                                            rooms.publisher.read_only_reason()));
  }
  rooms.sites.Delete(request.name(), request.allow_shrink(),
                     [&rooms, reply, response](const Status& status) {
                       if (status.ok()) {
                         response->set_generation(rooms.publisher.CarrierOfLastChange());
                       }
                       reply->Finish(status);
                     });
}

}  // namespace lockstep::controller::adminapi
