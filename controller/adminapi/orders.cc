// Orders and live challenges.
#include <algorithm>

#include "controller/adminapi/handlers.h"
#include "controller/adminapi/translate.h"

namespace lockstep::controller::adminapi {
namespace {

struct StoredOrder {
  model::Order order;
  std::vector<model::Proof> proofs;
};

// The certificate that came of the order, as nodes show it now; nothing once a newer one replaced it.
void AddCertificateProofs(const Rooms& rooms, const model::Order& order, v1::Order* out) {
  const model::Certificate* certificate = rooms.book.Find(order.certificate);
  if (certificate == nullptr || order.serial.empty() || certificate->serial != order.serial) return;
  for (const model::Proof& proof : rooms.checks.ProofsOf(*certificate)) {
    Translate(proof, out->add_certificate_proofs());
  }
}

}  // namespace

void Handle(Rooms& rooms, const v1::ListOrdersRequest& request, v1::ListOrdersResponse* response,
            ReplyPtr reply) {
  const auto page = ReadPage(request.page_size(), request.page_token(), 100);
  if (!page.ok()) return reply->Finish(page.status());
  std::optional<OrderId> before;
  if (!page->after.empty()) {
    auto id = OrderId::Parse(page->after);
    if (!id.ok()) return reply->Finish(id.status().Prefixed("page_token"));
    before = *id;
  }
  ReadThen<std::vector<model::Order>>(
      rooms, reply,
      [before, size = page->size](store::Stores& stores) { return stores.orders.List(size, before); },
      [&rooms, response, size = page->size](const std::vector<model::Order>& orders) {
        for (const model::Order& order : orders) {
          const model::Order* open = rooms.orders.FindOpen(order.id);
          Translate(open != nullptr ? *open : order, response->add_orders());
        }
        if (orders.size() == size) response->set_next_page_token(orders.back().id.str());
        return Status::Ok();
      });
}

void Handle(Rooms& rooms, const v1::GetOrderRequest& request, v1::GetOrderResponse* response,
            ReplyPtr reply) {
  const auto id = OrderId::Parse(request.id());
  if (!id.ok()) return reply->Finish(id.status().Prefixed("id"));
  ReadThen<StoredOrder>(
      rooms, reply,
      [id = *id](store::Stores& stores) -> Result<StoredOrder> {
        StoredOrder out;
        LS_ASSIGN_OR_RETURN(out.order, stores.orders.Get(id));
        LS_ASSIGN_OR_RETURN(out.proofs, stores.proofs.ListOf(id));
        return out;
      },
      [&rooms, response, id = *id](const StoredOrder& stored) {
        const model::Order* open = rooms.orders.FindOpen(id);
        const model::Order& order = open != nullptr ? *open : stored.order;
        Translate(order, response->mutable_order());
        const auto live = rooms.fleet.proofs().ProofsOf(id);
        for (const model::Proof& proof : live.empty() ? stored.proofs : live) {
          Translate(proof, response->mutable_order()->add_challenge_proofs());
        }
        AddCertificateProofs(rooms, order, response->mutable_order());
        return Status::Ok();
      });
}

void Handle(Rooms& rooms, const v1::ListChallengesRequest& request,
            v1::ListChallengesResponse* response, ReplyPtr reply) {
  const auto page = ReadPage(request.page_size(), request.page_token());
  if (!page.ok()) return reply->Finish(page.status());
  const auto members = rooms.fleet.Members();
  for (const model::Challenge& challenge : rooms.challenges.List()) {
    const std::string key = challenge.order.str() + "/" + challenge.token.str();
    if (key <= page->after) continue;
    if (static_cast<size_t>(response->challenges_size()) == page->size) {
      const auto& last = *response->challenges().rbegin();
      response->set_next_page_token(last.order() + "/" + last.token());
      break;
    }
    auto targets = rooms.challenges.TargetsOf(challenge.order);
    std::erase_if(targets, [&](const barrier::Target& target) {
      return target.token != challenge.token.str();
    });
    auto* out = response->add_challenges();
    out->set_order(challenge.order.str());
    out->set_host(challenge.host.ascii());
    out->set_token(challenge.token.str());
    const auto verdict = barrier::Evaluate(members, targets, rooms.fleet.service_addresses(),
                                           rooms.fleet.book(), {});
    for (const barrier::Member& member : members) {
      const bool straggles = std::find(verdict.stragglers.begin(), verdict.stragglers.end(),
                                       member.node) != verdict.stragglers.end();
      (straggles ? out->add_missing() : out->add_proved_by())->assign(member.node.str());
    }
  }
  reply->Finish(Status::Ok());
}

}  // namespace lockstep::controller::adminapi
