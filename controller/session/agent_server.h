// AgentServer: the listeners of agents and of enrolment.
#pragma once

#include <grpcpp/server.h>

#include <memory>
#include <optional>

#include "common/base/ip.h"
#include "common/rpc/tls.h"
#include "common/status/status.h"
#include "controller/session/agent_service.h"
#include "controller/session/enrollment_service.h"

namespace lockstep::controller::session {

class AgentServer {
 public:
  struct Options {
    Endpoint agents;      // port 0: any
    Endpoint enrollment;  // port 0: any
    rpc::CertificateFiles files;
    EnrollmentService::Options enrolling;
  };

  // Listens. `sessions` is serving already. UNAVAILABLE if an address cannot be bound.
  static Result<std::unique_ptr<AgentServer>> Start(const Options& options, const Gate& gate,
                                                    Sessions& sessions, IdentityIssuer& issuer,
                                                    ChallengeLookup& challenges,
                                                    task::Executor& state);
  ~AgentServer();  // Stop()

  // The addresses that are listened on.
  const Endpoint& agents() const { return agents_; }
  const Endpoint& enrollment() const { return enrollment_; }

  // Ends the streams, takes no more calls and waits, at most 3 s, until those that run have ended.
  // The state strand must still run. Idempotent.
  void Stop();

 private:
  AgentServer(const Options& options, const Gate& gate, Sessions& sessions, IdentityIssuer& issuer,
              ChallengeLookup& challenges, task::Executor& state);

  Sessions& sessions_;
  AgentService agent_service_;
  EnrollmentService enrollment_service_;
  Endpoint agents_;
  Endpoint enrollment_;
  std::unique_ptr<grpc::Server> agent_server_;
  std::unique_ptr<grpc::Server> enrollment_server_;
};

}  // namespace lockstep::controller::session
