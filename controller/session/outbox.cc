#include "controller/session/outbox.h"

#include <string_view>
#include <utility>

namespace lockstep::controller::session {

void Outbox::Replace(Channel& channel, link::Bytes message) {
  channel.waiting.clear();
  channel.waiting.push_back(std::move(message));
}

Status Outbox::PutRequest(link::Bytes message) {
  if (requests_.waiting.size() >= kMaxRequests) {
    return ResourceExhausted(std::to_string(kMaxRequests) + " requests are waiting already");
  }
  requests_.waiting.push_back(std::move(message));
  return Status::Ok();
}

std::optional<Parcel> Outbox::Next() {
  for (Channel* channel : {&welcome_, &lane_, &requests_, &push_}) {
    if (!channel->empty()) return NextOf(*channel);
  }
  return std::nullopt;
}

Parcel Outbox::NextOf(Channel& channel) {
  if (!channel.cutter) {
    link::Bytes message = std::move(channel.waiting.front());
    channel.waiting.pop_front();
    if (frame::FitsTheWire(message->size())) {
      const std::string_view data = *message;
      return {.header = {}, .data = data, .whole = std::move(message)};
    }
    channel.sending = std::move(message);
    channel.cutter.emplace(agent::v1::ControllerMessage::kChunkFieldNumber, *channel.sending,
                           ++transfers_);
  }
  frame::Piece piece = channel.cutter->Next();
  Parcel parcel{.header = std::move(piece.header), .data = piece.data, .whole = channel.sending};
  if (channel.cutter->done()) {
    channel.cutter.reset();
    channel.sending.reset();
  }
  return parcel;
}

}  // namespace lockstep::controller::session
