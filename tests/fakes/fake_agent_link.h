// An AgentLink that keeps what was sent to each node.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "controller/link/agent_link.h"

namespace lockstep::fakes {

class FakeAgentLink final : public controller::link::AgentLink {
 public:
  void Push(const NodeName& node, controller::link::Bytes message) override {
    sent[node].push_back(Parsed(*message));
  }
  void SendLane(const NodeName& node, controller::link::Bytes message) override {
    sent[node].push_back(Parsed(*message));
  }
  Status Send(const NodeName& node, agent::v1::ControllerMessage message) override {
    if (refuse_sends) return ResourceExhausted("256 messages wait already");
    sent[node].push_back(std::move(message));
    return Status::Ok();
  }
  void Cut(const NodeName& node, Status why) override { cuts.emplace_back(node, std::move(why)); }

  // What was sent to `node`, in order.
  std::vector<agent::v1::Push> PushesTo(const NodeName& node) const {
    std::vector<agent::v1::Push> out;
    for (const auto& message : MessagesTo(node)) {
      if (message.has_push()) out.push_back(message.push());
    }
    return out;
  }
  std::vector<agent::v1::LaneSet> LaneSetsTo(const NodeName& node) const {
    std::vector<agent::v1::LaneSet> out;
    for (const auto& message : MessagesTo(node)) {
      if (message.has_lane_set()) out.push_back(message.lane_set());
    }
    return out;
  }
  std::vector<agent::v1::WitnessRequest> WitnessRequestsTo(const NodeName& node) const {
    std::vector<agent::v1::WitnessRequest> out;
    for (const auto& message : MessagesTo(node)) {
      if (message.has_witness_request()) out.push_back(message.witness_request());
    }
    return out;
  }
  const std::vector<agent::v1::ControllerMessage>& MessagesTo(const NodeName& node) const {
    static const std::vector<agent::v1::ControllerMessage> kNone;
    const auto found = sent.find(node);
    return found == sent.end() ? kNone : found->second;
  }

  std::map<NodeName, std::vector<agent::v1::ControllerMessage>> sent;
  std::vector<std::pair<NodeName, Status>> cuts;
  bool refuse_sends = false;

 private:
  static agent::v1::ControllerMessage Parsed(const std::string& bytes) {
    agent::v1::ControllerMessage message;
    LS_CHECK(message.ParseFromString(bytes));
    return message;
  }
};

}  // namespace lockstep::fakes
