#include "controller/adminapi/watch.h"

#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/translate.h"

namespace lockstep::controller::adminapi {
namespace {

using OrderFeed = FeedReactor<v1::WatchOrderResponse>;
using EventFeed = FeedReactor<v1::WatchEventsResponse>;

constexpr size_t kCatchUpEvents = 1000;

void FeedOrder(const std::shared_ptr<OrderFeed>& feed, const model::Order& order) {
  v1::WatchOrderResponse response;
  Translate(order, response.mutable_order());
  feed->Feed(std::move(response));
  if (model::IsEnded(order.state)) feed->End(Status::Ok());
}

void FeedEvent(const std::shared_ptr<EventFeed>& feed, const model::Event& event) {
  v1::WatchEventsResponse response;
  Translate(event, response.mutable_event());
  feed->Feed(std::move(response));
}

// The stored order now, or why there is none.
void FeedStored(Rooms& rooms, const std::shared_ptr<OrderFeed>& feed, const OrderId& id) {
  auto stored = std::make_shared<std::optional<model::Order>>();
  rooms.database.Run(
      [stored, id](store::Stores& stores) -> Status {
        LS_ASSIGN_OR_RETURN(*stored, stores.orders.Get(id));
        return Status::Ok();
      },
      [stored, feed](const Status& status) {
        if (!status.ok()) return feed->End(status);
        FeedOrder(feed, **stored);
      },
      rooms.state);
}

}  // namespace

grpc::ServerWriteReactor<v1::WatchOrderResponse>* AdminService::WatchOrder(
    grpc::CallbackServerContext*, const v1::WatchOrderRequest* request) {
  // The watch is made and unmade on the state strand; its number travels in between.
  auto watch = std::make_shared<uint64_t>(0);
  auto feed = OrderFeed::Make(
      [this, watch] { rooms_.state.Post([this, watch] { rooms_.orders.Unwatch(*watch); }); });
  auto id = OrderId::Parse(request->id());
  if (!id.ok()) {
    feed->End(id.status().Prefixed("id"));
    return feed.get();
  }
  rooms_.state.Post([this, feed, watch, id = *id] {
    *watch = rooms_.orders.Watch([feed, id](const model::Order& order) {
      if (order.id == id) FeedOrder(feed, order);
    });
    if (const model::Order* open = rooms_.orders.FindOpen(id)) {
      FeedOrder(feed, *open);
    } else {
      FeedStored(rooms_, feed, id);
    }
  });
  return feed.get();
}

grpc::ServerWriteReactor<v1::WatchEventsResponse>* AdminService::WatchEvents(
    grpc::CallbackServerContext*, const v1::WatchEventsRequest* request) {
  auto watch = std::make_shared<uint64_t>(0);
  auto feed = EventFeed::Make(
      [this, watch] { rooms_.state.Post([this, watch] { rooms_.journal.Unwatch(*watch); }); });
  rooms_.state.Post([this, feed, watch, after = request->after_id()] {
    if (after == 0) {
      *watch = rooms_.journal.Watch([feed](const model::Event& event) { FeedEvent(feed, event); });
      return;
    }
    // Events between the read and the watch would be lost if the watch came second; those that come
    // twice are left out by their number.
    auto last = std::make_shared<uint64_t>(after);
    auto caught_up = std::make_shared<bool>(false);
    auto stored = std::make_shared<std::vector<model::Event>>();
    *watch = rooms_.journal.Watch([feed, last, caught_up, stored](const model::Event& event) {
      if (!*caught_up) return stored->push_back(event);
      FeedEvent(feed, event);
    });
    auto past = std::make_shared<std::vector<model::Event>>();
    rooms_.database.Run(
        [past, after](store::Stores& stores) -> Status {
          LS_ASSIGN_OR_RETURN(*past, stores.events.ListAfter(after, kCatchUpEvents));
          return Status::Ok();
        },
        [feed, last, caught_up, stored, past](const Status& status) {
          if (!status.ok()) return feed->End(status);
          past->insert(past->end(), stored->begin(), stored->end());
          for (const model::Event& event : *past) {
            if (event.id <= *last) continue;
            *last = event.id;
            FeedEvent(feed, event);
          }
          *caught_up = true;
        },
        rooms_.state);
  });
  return feed.get();
}

}  // namespace lockstep::controller::adminapi
