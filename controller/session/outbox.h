// Outbox: what one session stream has still to send, and what goes next. No gRPC in here.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/frame/cutter.h"
#include "common/status/status.h"
#include "controller/link/agent_link.h"

namespace lockstep::controller::session {

// One message for the wire, at most 48 KiB: `header`, then `data`, which lies in `whole`.
struct Parcel {
  std::string header;
  std::string_view data;
  link::Bytes whole;
};

// Not thread-safe.
class Outbox {
 public:
  static constexpr size_t kMaxRequests = 256;

  // Goes before everything else.
  void PutWelcome(link::Bytes message) { welcome_.waiting.push_back(std::move(message)); }
  // One slot each: what has not started to be sent is replaced.
  void PutLane(link::Bytes message) { Replace(lane_, std::move(message)); }
  void PutPush(link::Bytes message) { Replace(push_, std::move(message)); }
  // In order. RESOURCE_EXHAUSTED beyond kMaxRequests waiting.
  Status PutRequest(link::Bytes message);

  // The next one: the welcome, then the lane, then requests, then the push; of a message that is
  // larger than the wire takes, one piece at a time, so that a lane set never waits for more than
  // one piece of a push. Nothing if there is nothing to send.
  std::optional<Parcel> Next();

 private:
  struct Channel {
    std::deque<link::Bytes> waiting;
    link::Bytes sending;  // what `cutter` cuts
    std::optional<frame::Cutter> cutter;
    bool empty() const { return waiting.empty() && !cutter; }
  };
  static void Replace(Channel& channel, link::Bytes message);
  Parcel NextOf(Channel& channel);

  Channel welcome_;
  Channel lane_;
  Channel requests_;
  Channel push_;
  uint64_t transfers_ = 0;
};

}  // namespace lockstep::controller::session
