#include "common/rpc/reply.h"

#include "common/rpc/status.h"

namespace lockstep::rpc {

Reply::~Reply() { Finish(Unavailable("the controller is stopping")); }

void Reply::Finish(const Status& status) {
  if (auto* reactor = reactor_.exchange(nullptr)) reactor->Finish(ToGrpc(status));
}

grpc::ServerUnaryReactor* FinishNow(grpc::CallbackServerContext* context, const Status& status) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

}  // namespace lockstep::rpc
