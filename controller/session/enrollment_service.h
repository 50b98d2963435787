// EnrollmentService: what a machine calls once to become a node, on a listener of its own.
#pragma once

#include "common/task/executor.h"
#include "controller/session/backend.h"
#include "controller/session/gate.h"
#include "controller/session/rate_limiter.h"
#include "lockstep/agent/v1/agent.grpc.pb.h"

namespace lockstep::controller::session {

class EnrollmentService final : public agent::v1::EnrollmentService::CallbackService {
 public:
  struct Options {
    // For each network address, so that a stranger cannot keep the fleet from joining.
    double tries_per_second = 5;
    double burst = 200;
    // A refusal takes this long, so that guessing is slow.
    Micros delay_on_failure = Seconds(1);
  };

  // Everything outlives the service and the state strand.
  EnrollmentService(Options options, const Gate& gate, IdentityIssuer& issuer,
                    task::Executor& state);

  grpc::ServerUnaryReactor* Enroll(grpc::CallbackServerContext* context,
                                   const agent::v1::EnrollRequest* request,
                                   agent::v1::EnrollResponse* response) override;

 private:
  const Options options_;
  const Gate& gate_;
  IdentityIssuer& issuer_;
  task::Executor& state_;
  RateLimiter tries_;
};

}  // namespace lockstep::controller::session
