// Conversation: what the controller says goes to the room that it is for, and what the rooms say
// goes to the controller. No gRPC, no threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/apply/apply_queue.h"
#include "agent/challenge/lane.h"
#include "agent/session/client.h"
#include "agent/witness/witness.h"
#include "common/task/executor.h"

namespace lockstep::agent::session {

// What this agent says of itself in each Hello.
struct Self {
  std::string version;
  std::string boot_id;  // 16 bytes
  std::vector<IpAddress> addresses;
};

// Lives on the strand.
class Conversation final : public ClientEvents,
                           public apply::ApplyEvents,
                           public challenge::LaneEvents {
 public:
  struct Rooms {
    apply::ApplyQueue* queue = nullptr;
    challenge::Lane* lane = nullptr;
    witness::Witness* witness = nullptr;
    Outbox* outbox = nullptr;
    // What is served, or what lives in the lane, is another: for the miss responder. May be empty.
    std::function<void(std::shared_ptr<const reconcile::Desired>,
                       std::shared_ptr<const challenge::LiveSet>)>
        on_rules;
  };

  Conversation(task::Executor& strand, Self self) : strand_(strand), self_(std::move(self)) {}
  // Once, before anything happens; the rooms outlive the strand's work.
  void Join(Rooms rooms) { rooms_ = std::move(rooms); }

  v1::Hello MakeHello() override;
  void OnWelcome(const v1::Welcome& welcome) override;
  void OnMessage(v1::ControllerMessage message) override;
  void OnDisconnected(const Status& why) override;

  void OnAck(const v1::Ack& ack) override;
  void OnProofReport(const v1::ProofReport& report) override;
  void OnServing(std::shared_ptr<const reconcile::Desired> desired) override;
  bool LaneInStep() override;

  void OnLaneAck(const v1::LaneAck& ack) override;
  void OnLiveSet(std::shared_ptr<const challenge::LiveSet> live) override;

 private:
  witness::Knowledge Known() const;
  void Beat(uint64_t stream);
  void PublishRules();

  task::Executor& strand_;
  const Self self_;
  Rooms rooms_;
  bool connected_ = false;
  uint64_t stream_ = 0;  // counts welcomes; a timer of an older one is not heard
  Micros heartbeat_interval_{0};
  std::shared_ptr<const reconcile::Desired> desired_;
  std::shared_ptr<const challenge::LiveSet> live_;
};

}  // namespace lockstep::agent::session
