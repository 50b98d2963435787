// Session: one agent's stream, as gRPC sees it.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/names.h"
#include "common/frame/assembler.h"
#include "common/status/status.h"
#include "controller/link/agent_link.h"
#include "controller/session/outbox.h"

namespace lockstep::controller::session {

class Session;

// Who sessions belong to. Any thread.
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  // A whole message arrived. Session::OnTaken must be called once it has been dealt with.
  virtual void OnMessage(std::shared_ptr<Session> session, agent::v1::AgentMessage message) = 0;
  // The stream has ended or is about to; once, after which no message comes.
  virtual void OnEnded(std::shared_ptr<Session> session, Status why) = 0;
  // gRPC has let go of it; the last call.
  virtual void OnGone(const Session& session) = 0;
  // There is something to send: call Pump() on a thread that may encrypt.
  virtual void OnSendable(std::shared_ptr<Session> session) = 0;
  virtual const Clock& clock() const = 0;
};

// One read and one write outstanding at most. All methods from any thread.
//
// Lives as long as gRPC or anybody else holds it: gRPC's share is `self_`, dropped in OnDone.
class Session final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                      public std::enable_shared_from_this<Session> {
 public:
  // `context` and `owner` live until OnGone.
  static std::shared_ptr<Session> Start(SessionOwner& owner, grpc::CallbackServerContext* context,
                                        NodeName node, uint64_t number, frame::Limits limits);

  const NodeName& node() const { return node_; }
  uint64_t number() const { return number_; }

  // Where the stream stands for the domain. The owner's, on the state strand alone.
  enum class Phase { kAwaitsHello, kOpen, kClosed };
  Phase phase = Phase::kAwaitsHello;

  // The answer to Hello. Nothing is sent before it.
  void Greet(link::Bytes welcome);
  void PutLane(link::Bytes message);
  void PutPush(link::Bytes message);
  Status PutRequest(link::Bytes message);
  // Starts the next write if none is outstanding.
  void Pump();
  // A message handed to OnMessage has been dealt with; reading goes on if it had stopped.
  void OnTaken();

  // Ends the stream with `why`, as soon as what is being written has gone out. Idempotent.
  void End(Status why);
  // What time does to the session; call every half second.
  struct Patience {
    Micros hello;  // from the start to Hello
    Micros write;  // for one message of at most 48 KiB to leave
    Micros end;    // from End to the end of the stream
  };
  void OnTick(const Patience& patience);

  // gRPC's reactions.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // Messages read and not yet dealt with: beyond this, reading waits, so that an agent that floods
  // us fills its own window and nobody's memory.
  static constexpr int kMessagesInFlight = 16;

  Session(SessionOwner& owner, grpc::CallbackServerContext* context, NodeName node, uint64_t number,
          frame::Limits limits);
  void EndLocked(std::unique_lock<std::mutex>& lock, Status why);
  void FinishIfIdle();
  void ReadIfAllowed();
  Result<std::optional<agent::v1::AgentMessage>> TakeIncoming();
  void Offer(std::unique_lock<std::mutex>& lock);

  SessionOwner& owner_;
  grpc::CallbackServerContext* const context_;
  const NodeName node_;
  const uint64_t number_;
  const MonoTime started_at_;
  std::shared_ptr<Session> self_;  // until OnDone

  // Touched by the one outstanding read alone.
  grpc::ByteBuffer incoming_;
  frame::Inbox<agent::v1::AgentMessage> inbox_;

  std::mutex mutex_;
  // Guarded by mutex_.
  grpc::ByteBuffer outgoing_;  // between Pump and OnWriteDone: gRPC's
  Outbox outbox_;
  bool greeted_ = false;
  bool offered_ = false;  // OnSendable was called and Pump has not been yet
  bool writing_ = false;
  bool reading_ = false;
  bool first_message_ = false;
  int in_flight_ = 0;
  std::optional<MonoTime> write_began_at_;
  std::optional<Status> ended_;  // why; no new write, read or message since
  MonoTime ended_at_;
  bool finished_ = false;  // Finish was called: gRPC may call OnDone from now on
  bool done_ = false;      // context_ is gone
};

// What the gRPC method returns for a stream that is refused before it begins.
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* RefuseStream(const Status& why);

}  // namespace lockstep::controller::session
