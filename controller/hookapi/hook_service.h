// HookService: what certbot's helper program calls. A thin skin: is it well-formed, hand it on.
#pragma once

#include <vector>

#include "common/task/executor.h"
#include "controller/hookapi/hook_events.h"
#include "lockstep/hook/v1/hook.grpc.pb.h"

namespace lockstep::controller::hookapi {

// INVALID_ARGUMENT with the path of every field that is wrong, one per line. Key authorizations
// must be exactly token "." thumbprint (RFC 8555 §8.1).
Result<std::vector<model::Challenge>> ReadChallenges(const OrderId& order,
                                                     const hook::v1::PerformRequest& request);

class HookService final : public hook::v1::HookService::CallbackService {
 public:
  // Both outlive the service and the state strand.
  HookService(HookEvents& events, task::Executor& state) : events_(events), state_(state) {}

  grpc::ServerUnaryReactor* Perform(grpc::CallbackServerContext* context,
                                    const hook::v1::PerformRequest* request,
                                    hook::v1::PerformResponse* response) override;
  grpc::ServerUnaryReactor* Cleanup(grpc::CallbackServerContext* context,
                                    const hook::v1::CleanupRequest* request,
                                    hook::v1::CleanupResponse* response) override;

 private:
  HookEvents& events_;
  task::Executor& state_;
};

}  // namespace lockstep::controller::hookapi
