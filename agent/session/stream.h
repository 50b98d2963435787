// Stream: one session stream on gRPC's callback API. Reactions only translate and post.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "common/status/status.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::session {

// What leaves first: the challenge lane and what others wait for, or a push's long answer.
enum class Urgency { kUrgent, kBulk };

class Stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, v1::ControllerMessage> {
 public:
  // Called on gRPC's threads; must only post. `on_closed` once, last.
  struct Reactions {
    std::function<void(v1::ControllerMessage)> on_message;
    std::function<void(Status)> on_closed;
  };

  // Starts the call. The stream keeps itself alive until on_closed has been called.
  static std::shared_ptr<Stream> Open(std::shared_ptr<grpc::Channel> channel, Reactions reactions);

  // A serialised AgentMessage of at most 48 KiB. Any thread; dropped once the stream has ended.
  // Messages of one urgency keep their order.
  void Send(std::string message, Urgency urgency);
  // Ends the stream. Any thread.
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  Stream(std::shared_ptr<grpc::Channel> channel, Reactions reactions)
      : channel_(std::move(channel)), reactions_(std::move(reactions)) {}
  void WriteNext();  // with mutex_ held
  void Close();

  const std::shared_ptr<grpc::Channel> channel_;
  const Reactions reactions_;
  grpc::ClientContext context_;
  v1::ControllerMessage incoming_;  // of the read under way
  grpc::ByteBuffer outgoing_;       // of the write under way

  std::mutex mutex_;
  std::deque<std::string> urgent_;  // guarded by mutex_
  std::deque<std::string> bulk_;    // guarded by mutex_
  bool writing_ = false;            // guarded by mutex_
  bool closed_ = false;             // guarded by mutex_
  std::shared_ptr<Stream> self_;    // until OnDone
};

}  // namespace lockstep::agent::session
