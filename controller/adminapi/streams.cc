#include <memory>
#include <utility>
#include <vector>

#include "controller/adminapi/admin_service.h"
#include "controller/adminapi/stream.h"
#include "controller/adminapi/to_proto.h"

namespace lockstep::controller::adminapi {
namespace {

using OrderStream = Stream<v1::WatchOrderResponse>;
using EventStream = Stream<v1::WatchEventsResponse>;

constexpr size_t kBacklogPage = 500;

// What a watch holds on the state strand, shared with the stream's end.
struct Watch {
  uint64_t id = 0;       // of Orders or Journal; 0: none
  bool gone = false;     // nobody listens
  uint64_t last_id = 0;  // events: the newest sent
  bool live = false;     // events: the backlog has been sent
  std::vector<model::Event> held;
};

v1::WatchOrderResponse ToResponse(const model::Order& order) {
  v1::WatchOrderResponse response;
  *response.mutable_order() = ToProto(order);
  return response;
}

void SendEvent(EventStream& stream, Watch& watch, const model::Event& event) {
  if (event.id <= watch.last_id) return;
  watch.last_id = event.id;
  v1::WatchEventsResponse response;
  *response.mutable_event() = ToProto(event);
  stream.Send(std::move(response));
}

// Sends stored events page by page until there are none, then what happened meanwhile.
void SendBacklog(const Rooms& rooms, const std::shared_ptr<EventStream>& stream,
                 const std::shared_ptr<Watch>& watch) {
  auto page = std::make_shared<std::vector<model::Event>>();
  rooms.database.Run(
      [page, after = watch->last_id](store::Stores& stores) -> Status {
        LS_ASSIGN_OR_RETURN(*page, stores.events.ListAfter(after, kBacklogPage));
        return Status::Ok();
      },
      [rooms, stream, watch, page](const Status& status) {
        if (!status.ok()) return stream->End(status);
        for (const model::Event& event : *page) SendEvent(*stream, *watch, event);
        if (page->size() == kBacklogPage && !watch->gone) {
          return SendBacklog(rooms, stream, watch);
        }
        watch->live = true;
        for (const model::Event& event : std::exchange(watch->held, {})) {
          SendEvent(*stream, *watch, event);
        }
      },
      rooms.state);
}

}  // namespace

grpc::ServerWriteReactor<v1::WatchOrderResponse>* AdminService::WatchOrder(
    Context* /*context*/, const v1::WatchOrderRequest* request) {
  auto watch = std::make_shared<Watch>();
  auto stream = OrderStream::Make([this, watch] {
    rooms_.state.Post([this, watch] {
      watch->gone = true;
      if (watch->id != 0) rooms_.orders.Unwatch(watch->id);
    });
  });
  Status status = CheckRole("WatchOrder");
  if (status.ok()) status = Validate(*request);
  if (!status.ok()) {
    stream->End(status);
    return stream.get();
  }
  rooms_.state.Post([this, watch, stream, id = *OrderId::Parse(request->id())] {
    if (watch->gone) return;
    if (const model::Order* open = rooms_.orders.FindOpen(id)) {
      stream->Send(ToResponse(*open));
      if (model::IsEnded(open->state)) return stream->End(Status::Ok());
      watch->id = rooms_.orders.Watch([stream, id](const model::Order& order) {
        if (order.id != id) return;
        stream->Send(ToResponse(order));
        if (model::IsEnded(order.state)) stream->End(Status::Ok());
      });
      return;
    }
    auto stored = std::make_shared<model::Order>();
    rooms_.database.Run(
        [stored, id](store::Stores& stores) -> Status {
          LS_ASSIGN_OR_RETURN(*stored, stores.orders.Get(id));
          return Status::Ok();
        },
        [stream, stored](const Status& found) {
          if (found.ok()) stream->Send(ToResponse(*stored));
          stream->End(found);
        },
        rooms_.state);
  });
  return stream.get();
}

grpc::ServerWriteReactor<v1::WatchEventsResponse>* AdminService::WatchEvents(
    Context* /*context*/, const v1::WatchEventsRequest* request) {
  auto watch = std::make_shared<Watch>();
  auto stream = EventStream::Make([this, watch] {
    rooms_.state.Post([this, watch] {
      watch->gone = true;
      if (watch->id != 0) rooms_.journal.Unwatch(watch->id);
    });
  });
  Status status = CheckRole("WatchEvents");
  if (status.ok()) status = Validate(*request);
  if (!status.ok()) {
    stream->End(status);
    return stream.get();
  }
  rooms_.state.Post([this, watch, stream, after = request->after_id()] {
    if (watch->gone) return;
    watch->last_id = after;
    watch->live = after == 0;
    watch->id = rooms_.journal.Watch([stream, watch](const model::Event& event) {
      if (watch->live) return SendEvent(*stream, *watch, event);
      watch->held.push_back(event);
    });
    if (!watch->live) SendBacklog(rooms_, stream, watch);
  });
  return stream.get();
}

}  // namespace lockstep::controller::adminapi
