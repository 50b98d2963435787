// Pusher: gets one plan's snapshot to one node, as a delta where the node's base is known.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "controller/fleet/fleet.h"
#include "controller/model/generation.h"
#include "controller/planner/planner.h"
#include "controller/publish/manifests.h"

namespace lockstep::controller::publish {

// A plan with its number: what a node is to serve.
struct Release {
  model::Generation generation;
  planner::PlanPtr plan;
};

// Lives on the state strand.
class Pusher {
 public:
  Pusher(fleet::Fleet& fleet, const Manifests& manifests) : fleet_(fleet), manifests_(manifests) {}

  // Sends it, unless the same is on its way to the node or acknowledged by it.
  void Push(const NodeName& node, const Release& release);

  enum class Outcome {
    kNotOurs,  // of an older push, or of an earlier stream
    kApplied,
    kRejected,
    kStale,
    kResent,  // the node asked for the whole snapshot and gets it
  };
  // What an ACK means for the push that it names.
  Outcome OnAck(const NodeName& node, const agent::v1::Ack& ack);

  // A new stream: nothing is on its way any more. `serving_digest` is what the node says it holds.
  void OnConnected(const NodeName& node, const std::string& serving_digest);
  void Forget(const NodeName& node) { nodes_.erase(node); }

  // The generation that the node acknowledged on this stream; 0 if none.
  uint64_t AppliedBy(const NodeName& node) const;

 private:
  struct NodeState {
    uint64_t push_id = 0;     // on its way; 0: none
    Release release;          // of push_id
    snapshot::Snapshot sent;  // of push_id
    snapshot::Snapshot held;  // what the node acknowledged last
    bool held_known = false;
    std::string said_digest;          // what its hello said it serves
    uint64_t applied_generation = 0;  // on this stream
  };

  void Send(const NodeName& node, NodeState* state, bool whole);

  fleet::Fleet& fleet_;
  const Manifests& manifests_;
  std::map<NodeName, NodeState> nodes_;
  uint64_t next_push_ = 1;
};

}  // namespace lockstep::controller::publish
