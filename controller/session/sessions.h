// Sessions: the open streams, one per node, as the domain reaches them and hears of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "common/task/batcher.h"
#include "common/task/executor.h"
#include "controller/link/agent_link.h"
#include "controller/session/pushers.h"
#include "controller/session/session.h"

namespace lockstep::controller::session {

// Outlives the gRPC server that feeds it and the state strand that it posts to.
class Sessions final : public link::AgentLink, private SessionOwner {
 public:
  struct Options {
    size_t pushers = 2;
    // What one agent may make us hold; its largest message is an ACK with the proofs of all sites.
    frame::Limits limits = {};
    Session::Patience patience = {.hello = Seconds(10), .write = Seconds(5), .end = Seconds(1)};
    // Streams of one node at once: the open one, and those that are on their way in or out.
    size_t streams_per_node = 4;
  };

  Sessions(Options options, task::Executor& state);
  ~Sessions() override;

  // Before the first stream. `is_banned` is asked on the state strand.
  void Serve(link::AgentEvents& events, std::function<bool(const NodeName&)> is_banned);
  // A new stream of `node`: what the gRPC method returns.
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Accept(
      grpc::CallbackServerContext* context, const NodeName& node);
  // Streams that gRPC has not let go of yet.
  size_t CountStreams() const { return ListLive().size(); }
  // Ends all streams with UNAVAILABLE, and every later one; the domain still hears of each end.
  void Stop();

  // link::AgentLink
  void Push(const NodeName& node, link::Bytes message) override;
  void SendLane(const NodeName& node, link::Bytes message) override;
  Status Send(const NodeName& node, agent::v1::ControllerMessage message) override;
  void Cut(const NodeName& node, Status why) override;

 private:
  using SessionPtr = std::shared_ptr<Session>;

  // SessionOwner
  void OnMessage(SessionPtr session, agent::v1::AgentMessage message) override;
  void OnEnded(SessionPtr session, Status why) override;
  void OnGone(const Session& session) override;
  void OnSendable(SessionPtr session) override;
  const Clock& clock() const override { return state_.clock(); }

  // On the state strand.
  void Take(const SessionPtr& session, const agent::v1::AgentMessage& message);
  void TakeHello(const SessionPtr& session, const agent::v1::Hello& hello);
  void FenceOlder(const SessionPtr& session);
  void Close(Session& session, const Status& why);
  void Tick();

  // Null if the node has no open stream.
  SessionPtr FindOpen(const NodeName& node) const;
  std::vector<SessionPtr> ListLive() const;

  const Options options_;
  task::Executor& state_;
  task::Batcher arrivals_;  // what comes from streams, on its way to the strand
  Pushers pushers_;
  // Constant after Serve.
  link::AgentEvents* events_ = nullptr;
  std::function<bool(const NodeName&)> is_banned_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<NodeName, SessionPtr> open_;                      // after Hello; written on the strand
  std::map<NodeName, std::map<uint64_t, SessionPtr>> live_;  // until gRPC lets go
  uint64_t next_number_ = 1;
  bool stopping_ = false;
  task::TimerId tick_ = 0;
};

}  // namespace lockstep::controller::session
