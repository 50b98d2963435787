#include "agent/session/controller_source.h"

#include <grpcpp/client_context.h>

#include <chrono>

#include "common/rpc/status.h"
#include "lockstep/agent/v1/agent.grpc.pb.h"

namespace lockstep::agent::session {

Result<std::string> ControllerSource::Fetch(const Hostname& host, const ChallengeToken& token,
                                            Micros deadline, std::stop_token stop) {
  v1::FetchChallengeRequest request;
  request.set_host(host.ascii());
  request.set_token(token.str());
  v1::FetchChallengeResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + deadline);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  const auto stub = v1::AgentService::NewStub(link_.Current());
  const grpc::Status called = stub->FetchChallenge(&context, request, &response);
  if (!called.ok()) return rpc::FromGrpc(called);
  return std::move(*response.mutable_key_authorization());
}

}  // namespace lockstep::agent::session
