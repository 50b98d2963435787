// The state of the fleet, and events.
#include <algorithm>

#include "controller/adminapi/handlers.h"
#include "controller/adminapi/translate.h"

namespace lockstep::controller::adminapi {
namespace {

constexpr Micros kExpiryWorry = std::chrono::hours(72);
constexpr int kMaxProblems = 50;

void AddProblems(const Rooms& rooms, const barrier::Verdict& verdict,
                 v1::GetStatusResponse* response) {
  const auto add = [&](const std::string& line) {
    if (response->problems_size() < kMaxProblems) response->add_problems(line);
  };
  if (!rooms.publisher.read_only_reason().empty()) {
    add("read-only: " + rooms.publisher.read_only_reason());
  }
  if (rooms.publisher.proved_generation() != 0) {
    for (const std::string& line : verdict.missing) add(line);
  }
  for (const auto& [name, live] : rooms.fleet.nodes()) {
    if (live.node.banned) {
      add(name.str() + ": is banned and counts as announcing until it is removed");
    } else if (!live.connected) {
      add(name.str() + ": is not connected");
    }
    for (const std::string& warning : live.warnings) add(name.str() + ": " + warning);
    if (!live.suspect.empty()) add(name.str() + ": " + live.suspect);
  }
  const WallTime now = rooms.state.clock().Now();
  for (const auto& [name, certificate] : rooms.book.all()) {
    if (certificate.not_after - now < kExpiryWorry) {
      add("certificate " + name + " ends in " +
          FormatDuration(std::max(Micros(0), Micros(certificate.not_after - now))));
    }
    const auto* renewal = rooms.renewals.Find(name);
    if (renewal != nullptr && renewal->failures > 0) {
      add("certificate " + name + " was not renewed: " + renewal->last_error);
    }
  }
}

void SortAndDedupe(google::protobuf::RepeatedPtrField<std::string>* lines) {
  std::sort(lines->begin(), lines->end());
  lines->erase(std::unique(lines->begin(), lines->end()), lines->end());
}

}  // namespace

void Handle(Rooms& rooms, const v1::GetStatusRequest&, v1::GetStatusResponse* response,
            ReplyPtr reply) {
  response->set_version(rooms.version);
  SetTime(rooms.started_at, response->mutable_started_at());
  const barrier::Verdict verdict = rooms.publisher.JudgeFleet();
  const uint64_t newest = rooms.publisher.proved_generation();
  uint32_t in_step = 0;
  uint32_t connected = 0;
  uint32_t announcing = 0;
  for (const auto& [name, live] : rooms.fleet.nodes()) {
    const bool straggles = std::find(verdict.stragglers.begin(), verdict.stragglers.end(), name) !=
                           verdict.stragglers.end();
    if (live.connected) ++connected;
    if (live.CountsAsAnnouncing()) ++announcing;
    if (live.connected && rooms.publisher.AppliedBy(name) == newest && !straggles) ++in_step;
  }
  response->set_nodes(static_cast<uint32_t>(rooms.fleet.nodes().size()));
  response->set_nodes_connected(connected);
  response->set_nodes_announcing(announcing);
  response->set_nodes_in_step(in_step);
  response->set_generation(rooms.publisher.newest_generation());
  response->set_last_known_good(rooms.publisher.last_known_good());
  response->set_sites(static_cast<uint32_t>(rooms.sites.sites().size()));
  response->set_certificates(static_cast<uint32_t>(rooms.book.all().size()));
  response->set_orders_open(static_cast<uint32_t>(rooms.orders.ListOpen().size()));
  response->set_read_only_reason(rooms.publisher.read_only_reason());
  response->set_epoch(rooms.epoch_counter);
  AddProblems(rooms, verdict, response);
  SortAndDedupe(response->mutable_problems());
  const model::Certificate* next = nullptr;
  for (const auto& [name, certificate] : rooms.book.all()) {
    if (next == nullptr || certificate.not_after < next->not_after) next = &certificate;
  }
  if (next != nullptr) {
    SetTime(next->not_after, response->mutable_next_expiry());
    response->set_next_expiry_certificate(next->name);
  }
  reply->Finish(Status::Ok());
}

void Handle(Rooms& rooms, const v1::ListEventsRequest& request, v1::ListEventsResponse* response,
            ReplyPtr reply) {
  const auto page = ReadPage(request.page_size(), "", 100);
  if (!page.ok()) return reply->Finish(page.status());
  ReadThen<std::vector<model::Event>>(
      rooms, reply,
      [size = page->size, before = request.before_id(), subject = request.subject()](
          store::Stores& stores) { return stores.events.List(size, before, subject); },
      [response, size = page->size](const std::vector<model::Event>& events) {
        for (const model::Event& event : events) Translate(event, response->add_events());
        if (events.size() == size) response->set_next_before_id(events.front().id);
        return Status::Ok();
      });
}

}  // namespace lockstep::controller::adminapi
