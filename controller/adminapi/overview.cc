#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/paging.h"
#include "controller/adminapi/to_proto.h"
#include "controller/barrier/barrier.h"

namespace lockstep::controller::adminapi {
namespace {

// Renewal is due long before this: a certificate that comes so near its end needs a person.
constexpr Micros kExpiryWorry = std::chrono::hours(72);
constexpr int kMaxProblems = 50;

}  // namespace

void AdminService::FillProblems(const barrier::Verdict& verdict,
                                v1::GetStatusResponse& response) const {
  std::set<std::string> problems;  // sorted, each once
  if (rooms_.publisher.proved_generation() != 0) {
    problems.insert(verdict.missing.begin(), verdict.missing.end());
  }
  for (const auto& [name, live] : rooms_.fleet.nodes()) {
    if (live.node.banned) {
      problems.insert(name.str() + ": is banned and counts as announcing until it is removed");
    } else if (!live.connected) {
      problems.insert(name.str() + ": is not connected");
    }
    if (!live.suspect.empty()) problems.insert(name.str() + ": " + live.suspect);
    for (const std::string& warning : live.warnings) problems.insert(name.str() + ": " + warning);
  }
  for (const auto& [name, why] : rooms_.promises.keeping().withdraw) {
    problems.insert(name.str() + ": " + why + " (lockstep alt-svc show)");
  }
  const WallTime now = rooms_.state.clock().Now();
  for (const auto& [name, certificate] : rooms_.book.all()) {
    if (certificate.not_after <= now) {
      problems.insert("certificate " + name + " has expired");
    } else if (certificate.not_after - now < kExpiryWorry) {
      problems.insert("certificate " + name + " ends in " +
                      FormatDuration(certificate.not_after - now));
    }
    const model::RenewalState* state = rooms_.renewals.Find(name);
    if (state != nullptr && state->failures > 0) {
      problems.insert("certificate " + name + " was not renewed: " + state->last_error);
    }
  }
  for (const std::string& problem : problems) {
    if (response.problems_size() == kMaxProblems) {
      response.add_problems("and " + std::to_string(problems.size() - kMaxProblems) + " more");
      break;
    }
    response.add_problems(problem);
  }
}

void AdminService::FillNodeCounts(const barrier::Verdict& verdict,
                                  v1::GetStatusResponse& response) const {
  const std::set<NodeName> stragglers(verdict.stragglers.begin(), verdict.stragglers.end());
  const uint64_t newest = rooms_.publisher.proved_generation();
  uint32_t connected = 0;
  uint32_t announcing = 0;
  uint32_t in_step = 0;
  for (const auto& [name, live] : rooms_.fleet.nodes()) {
    connected += live.connected ? 1 : 0;
    announcing += live.CountsAsAnnouncing() ? 1 : 0;
    const bool serves = live.connected && rooms_.publisher.AppliedBy(name) == newest;
    in_step += serves && !stragglers.contains(name) ? 1 : 0;
  }
  response.set_nodes(static_cast<uint32_t>(rooms_.fleet.nodes().size()));
  response.set_nodes_connected(connected);
  response.set_nodes_announcing(announcing);
  response.set_nodes_in_step(in_step);
}

grpc::ServerUnaryReactor* AdminService::GetStatus(Context* context,
                                                  const v1::GetStatusRequest* request,
                                                  v1::GetStatusResponse* response) {
  return OnStrand(context, "GetStatus", request, [this, response](const ReplyPtr& reply) {
    response->set_version(rooms_.version);
    *response->mutable_started_at() = ToProto(rooms_.started_at);
    response->set_epoch(rooms_.epoch_counter);
    const barrier::Verdict verdict = rooms_.publisher.JudgeFleet();
    FillNodeCounts(verdict, *response);
    response->set_generation(rooms_.publisher.newest_generation());
    response->set_last_known_good(rooms_.publisher.last_known_good());
    response->set_sites(static_cast<uint32_t>(rooms_.sites.sites().size()));
    response->set_certificates(static_cast<uint32_t>(rooms_.book.all().size()));
    response->set_orders_open(static_cast<uint32_t>(rooms_.orders.ListOpen().size()));
    response->set_read_only_reason(rooms_.publisher.read_only_reason());
    const model::Certificate* first = nullptr;
    for (const auto& [name, certificate] : rooms_.book.all()) {
      if (first == nullptr || certificate.not_after < first->not_after) first = &certificate;
    }
    if (first != nullptr) {
      *response->mutable_next_expiry() = ToProto(first->not_after);
      response->set_next_expiry_certificate(first->name);
    }
    FillProblems(verdict, *response);
    reply->Finish(Status::Ok());
  });
}

grpc::ServerUnaryReactor* AdminService::ListEvents(Context* context,
                                                   const v1::ListEventsRequest* request,
                                                   v1::ListEventsResponse* response) {
  return OnStrand(context, "ListEvents", request, [this, request, response](const ReplyPtr& reply) {
    const size_t size = PageSize(request->page_size(), kRecordsPerPage);
    auto found = std::make_shared<std::vector<model::Event>>();
    rooms_.database.Run(
        [found, size, before = NumberOfPage(request->page_token()).value_or(0),
         subject = request->subject()](store::Stores& stores) -> Status {
          LS_ASSIGN_OR_RETURN(*found, stores.events.List(size, before, subject));
          return Status::Ok();
        },
        [found, size, reply, response](const Status& status) {
          if (!status.ok()) return reply->Finish(status);
          for (const model::Event& event : *found) *response->add_events() = ToProto(event);
          if (found->size() == size)
            response->set_next_page_token(std::to_string(found->front().id));
          reply->Finish(Status::Ok());
        },
        rooms_.state);
  });
}

}  // namespace lockstep::controller::adminapi
