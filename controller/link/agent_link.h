// AgentLink and AgentEvents: the two directions between the domain and the session streams.
#pragma once

#include <memory>
#include <string>

#include "common/base/names.h"
#include "common/status/status.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::controller::link {

// A serialised agent.v1.ControllerMessage, shared between the streams that send it.
using Bytes = std::shared_ptr<const std::string>;

// Messages to agents. Any thread; never blocks. To a node without a stream everything is dropped:
// what it must know is sent again after its next Hello.
class AgentLink {
 public:
  virtual ~AgentLink() = default;
  // A serialised ControllerMessage with a push. One slot, latest wins: a push that has not started
  // to be sent is replaced.
  virtual void Push(const NodeName& node, Bytes message) = 0;
  // A serialised ControllerMessage with a lane set. One slot, latest wins; goes before all else.
  virtual void SendLane(const NodeName& node, Bytes message) = 0;
  // A witness or proof request; in order. RESOURCE_EXHAUSTED (dropped) beyond 256 waiting.
  virtual Status Send(const NodeName& node, agent::v1::ControllerMessage message) = 0;
  // Ends the node's stream, within 2 s even if the agent neither reads nor answers.
  virtual void Cut(const NodeName& node, Status why) = 0;
};

// What agents say, delivered on the state strand in the order of each stream. `session` numbers
// streams: after OnClosed(session) nothing of that session is delivered.
class AgentEvents {
 public:
  virtual ~AgentEvents() = default;
  // A stream's first message. The answer goes out before anything else on that stream; an error
  // ends it. Lane set and push may be sent from within.
  virtual Result<agent::v1::Welcome> OnHello(const NodeName& node, uint64_t session,
                                             const agent::v1::Hello& hello) = 0;
  // Every later message, whole (chunks are put together before).
  virtual void OnMessage(const NodeName& node, uint64_t session,
                         const agent::v1::AgentMessage& message) = 0;
  virtual void OnClosed(const NodeName& node, uint64_t session, const Status& why) = 0;
};

}  // namespace lockstep::controller::link
