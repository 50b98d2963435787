// AgentService: what enrolled agents call. A thin skin: who calls, is it well-formed, hand it on.
#pragma once

#include "common/task/executor.h"
#include "controller/session/backend.h"
#include "controller/session/gate.h"
#include "controller/session/rate_limiter.h"
#include "controller/session/sessions.h"
#include "lockstep/agent/v1/agent.grpc.pb.h"

namespace lockstep::controller::session {

namespace internal {
using AgentServiceBase = agent::v1::AgentService::WithRawCallbackMethod_Session<
    agent::v1::AgentService::WithCallbackMethod_RenewIdentity<
        agent::v1::AgentService::WithCallbackMethod_FetchChallenge<
            agent::v1::AgentService::Service>>>;
}  // namespace internal

class AgentService final : public internal::AgentServiceBase {
 public:
  // A challenge miss costs the controller at most this much for each node.
  static constexpr double kMissesPerSecond = 20;

  // Everything outlives the service and the state strand.
  AgentService(const Gate& gate, Sessions& sessions, IdentityIssuer& issuer,
               ChallengeLookup& challenges, task::Executor& state);

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Session(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* RenewIdentity(grpc::CallbackServerContext* context,
                                          const agent::v1::RenewIdentityRequest* request,
                                          agent::v1::RenewIdentityResponse* response) override;
  grpc::ServerUnaryReactor* FetchChallenge(grpc::CallbackServerContext* context,
                                           const agent::v1::FetchChallengeRequest* request,
                                           agent::v1::FetchChallengeResponse* response) override;

 private:
  const Gate& gate_;
  Sessions& sessions_;
  IdentityIssuer& issuer_;
  ChallengeLookup& challenges_;
  task::Executor& state_;
  RateLimiter misses_;
};

}  // namespace lockstep::controller::session
