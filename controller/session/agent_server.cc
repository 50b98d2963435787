#include "controller/session/agent_server.h"

#include <grpcpp/server_builder.h>

#include <chrono>

#include "common/log/log.h"
#include "common/rpc/settings.h"

namespace lockstep::controller::session {
namespace {

constexpr Seconds kLeaveToEnd{3};

Result<std::unique_ptr<grpc::Server>> Listen(Endpoint& endpoint,
                                             std::shared_ptr<grpc::ServerCredentials> credentials,
                                             grpc::Service& service) {
  grpc::ServerBuilder builder;
  rpc::ConfigureAgentServer(builder);
  int port = 0;
  builder.AddListeningPort(endpoint.ToString(), std::move(credentials), &port);
  builder.RegisterService(&service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return Unavailable("cannot listen on " + endpoint.ToString() +
                       ": the address is in use, or not ours");
  }
  endpoint.port = static_cast<uint16_t>(port);
  return server;
}

}  // namespace

AgentServer::AgentServer(const Options& options, const Gate& gate, Sessions& sessions,
                         IdentityIssuer& issuer, ChallengeLookup& challenges, task::Executor& state)
    : sessions_(sessions),
      agent_service_(gate, sessions, issuer, challenges, state),
      enrollment_service_(options.enrolling, gate, issuer, state),
      agents_(options.agents),
      enrollment_(options.enrollment) {}

Result<std::unique_ptr<AgentServer>> AgentServer::Start(const Options& options, const Gate& gate,
                                                        Sessions& sessions, IdentityIssuer& issuer,
                                                        ChallengeLookup& challenges,
                                                        task::Executor& state) {
  std::unique_ptr<AgentServer> server(
      new AgentServer(options, gate, sessions, issuer, challenges, state));
  LS_ASSIGN_OR_RETURN(auto mutual, rpc::MutualServerCredentials(options.files));
  LS_ASSIGN_OR_RETURN(auto one_sided, rpc::EnrollmentServerCredentials(options.files));
  LS_ASSIGN_OR_RETURN(server->agent_server_,
                      Listen(server->agents_, std::move(mutual), server->agent_service_));
  LS_ASSIGN_OR_RETURN(server->enrollment_server_, Listen(server->enrollment_, std::move(one_sided),
                                                         server->enrollment_service_));
  log::Info("session.listen", {{"agents", server->agents_.ToString()},
                               {"enrollment", server->enrollment_.ToString()}});
  return server;
}

AgentServer::~AgentServer() { Stop(); }

void AgentServer::Stop() {
  sessions_.Stop();
  const auto deadline = std::chrono::system_clock::now() + kLeaveToEnd;
  for (std::unique_ptr<grpc::Server>* server : {&enrollment_server_, &agent_server_}) {
    if (*server != nullptr) (*server)->Shutdown(deadline);
    server->reset();
  }
}

}  // namespace lockstep::controller::session
