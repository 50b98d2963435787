#include <memory>
#include <string>
#include <vector>

#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/paging.h"
#include "controller/adminapi/to_proto.h"
#include "controller/barrier/barrier.h"

namespace lockstep::controller::adminapi {
namespace {

// Long before this a renewal is due; a certificate that comes so near its end needs a person.
constexpr Micros kExpiresSoon = std::chrono::hours(24 * 7);

}  // namespace

void AdminService::FillProblems(v1::GetStatusResponse& response) const {
  const WallTime now = domain_.state.clock().Now();
  for (const auto& [name, live] : domain_.fleet.nodes()) {
    if (live.node.banned) {
      response.add_problems(name.str() + ": banned, and counts as announcing until removed");
    } else if (!live.connected) {
      response.add_problems(name.str() + ": not connected");
    }
    if (!live.suspect.empty()) response.add_problems(name.str() + ": " + live.suspect);
    for (const std::string& warning : live.warnings) {
      response.add_problems(name.str() + ": " + warning);
    }
  }
  const barrier::Verdict verdict = domain_.publisher.JudgeFleet();
  response.set_nodes_in_step(static_cast<uint32_t>(verdict.proved));
  for (const std::string& line : verdict.missing) response.add_problems(line);
  for (const auto& [name, certificate] : domain_.book.all()) {
    if (certificate.not_after <= now) {
      response.add_problems(name + ": the certificate has expired");
    } else if (certificate.not_after - now < kExpiresSoon) {
      response.add_problems(name + ": the certificate ends in " +
                            FormatDuration(certificate.not_after - now));
    }
    const model::RenewalState* state = domain_.renewals.Find(name);
    if (state != nullptr && state->failures > 0) {
      response.add_problems(name + ": renewal has failed " + std::to_string(state->failures) +
                            " times: " + state->last_error);
    }
  }
}

grpc::ServerUnaryReactor* AdminService::GetStatus(Context* context,
                                                  const v1::GetStatusRequest* request,
                                                  v1::GetStatusResponse* response) {
  return OnStrand(context, "GetStatus", request, [this, response](const ReplyPtr& reply) {
    response->set_version(domain_.version);
    *response->mutable_started_at() = ToProto(domain_.started_at);
    response->set_epoch(domain_.epoch_counter);
    uint32_t connected = 0;
    uint32_t announcing = 0;
    for (const auto& [name, live] : domain_.fleet.nodes()) {
      connected += live.connected ? 1 : 0;
      announcing += live.CountsAsAnnouncing() ? 1 : 0;
    }
    response->set_nodes(static_cast<uint32_t>(domain_.fleet.nodes().size()));
    response->set_nodes_connected(connected);
    response->set_nodes_announcing(announcing);
    response->set_generation(domain_.publisher.newest_generation());
    response->set_last_known_good(domain_.publisher.last_known_good());
    response->set_sites(static_cast<uint32_t>(domain_.sites.sites().size()));
    response->set_certificates(static_cast<uint32_t>(domain_.book.all().size()));
    response->set_orders_open(static_cast<uint32_t>(domain_.orders.ListOpen().size()));
    response->set_read_only_reason(domain_.publisher.read_only_reason());
    const model::Certificate* first = nullptr;
    for (const auto& [name, certificate] : domain_.book.all()) {
      if (first == nullptr || certificate.not_after < first->not_after) first = &certificate;
    }
    if (first != nullptr) {
      *response->mutable_next_expiry() = ToProto(first->not_after);
      response->set_next_expiry_certificate(first->name);
    }
    FillProblems(*response);
    reply->Finish(Status::Ok());
  });
}

grpc::ServerUnaryReactor* AdminService::ListEvents(Context* context,
                                                   const v1::ListEventsRequest* request,
                                                   v1::ListEventsResponse* response) {
  return OnStrand(context, "ListEvents", request, [this, request, response](const ReplyPtr& reply) {
    const size_t size = PageSize(request->page_size(), kRecordsPerPage);
    auto found = std::make_shared<std::vector<model::Event>>();
    domain_.database.Run(
        [found, size, before = request->before_id(),
         subject = request->subject()](store::Stores& stores) -> Status {
          LS_ASSIGN_OR_RETURN(*found, stores.events.List(size, before, subject));
          return Status::Ok();
        },
        [found, size, reply, response](const Status& status) {
          if (!status.ok()) return reply->Finish(status);
          for (const model::Event& event : *found) *response->add_events() = ToProto(event);
          if (found->size() == size) response->set_next_before_id(found->front().id);
          reply->Finish(Status::Ok());
        },
        domain_.state);
  });
}

}  // namespace lockstep::controller::adminapi
