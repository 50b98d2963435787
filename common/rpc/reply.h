// Answering a unary call from another thread.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <utility>

#include "common/status/status.h"

namespace lockstep::rpc {

// Finishes a unary call exactly once, whatever becomes of who should: the last holder to let go
// without Finish (an executor that has stopped drops its work) answers UNAVAILABLE.
class Reply {
 public:
  explicit Reply(grpc::ServerUnaryReactor* reactor) : reactor_(reactor) {}
  ~Reply();
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  // Any thread; calls after the first do nothing. The response must be filled in before.
  void Finish(const Status& status);

 private:
  std::atomic<grpc::ServerUnaryReactor*> reactor_;
};

inline std::shared_ptr<Reply> MakeReply(grpc::CallbackServerContext* context) {
  return std::make_shared<Reply>(context->DefaultReactor());
}

// For a call that is answered on the spot.
grpc::ServerUnaryReactor* FinishNow(grpc::CallbackServerContext* context, const Status& status);

}  // namespace lockstep::rpc
