#include "controller/session/agent_service.h"

#include "common/rpc/reply.h"
#include "common/rpc/status.h"

namespace lockstep::controller::session {

AgentService::AgentService(const Gate& gate, Sessions& sessions, IdentityIssuer& issuer,
                           ChallengeLookup& challenges, task::Executor& state)
    : gate_(gate),
      sessions_(sessions),
      issuer_(issuer),
      challenges_(challenges),
      state_(state),
      misses_(kMissesPerSecond, kMissesPerSecond, state.clock()) {}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* AgentService::Session(
    grpc::CallbackServerContext* context) {
  const Result<NodeName> node = gate_.Admit(*context, "/lockstep.agent.v1.AgentService/Session");
  if (!node.ok()) return RefuseStream(node.status());
  return sessions_.Accept(context, *node);
}

grpc::ServerUnaryReactor* AgentService::RenewIdentity(
    grpc::CallbackServerContext* context, const agent::v1::RenewIdentityRequest* request,
    agent::v1::RenewIdentityResponse* response) {
  const Result<NodeName> node =
      gate_.Admit(*context, "/lockstep.agent.v1.AgentService/RenewIdentity");
  if (!node.ok()) return rpc::FinishNow(context, node.status());
  if (request->csr_pem().empty() || request->csr_pem().size() > kMaxCsrBytes) {
    return rpc::FinishNow(context, InvalidArgument("csr_pem: must have 1 to 16384 bytes, has " +
                                                   std::to_string(request->csr_pem().size())));
  }
  auto* reactor = context->DefaultReactor();
  auto reply = std::make_shared<rpc::Reply>(reactor);
  state_.Post([this, reply = std::move(reply), node = *node, request, response] {
    issuer_.Renew(node, request->csr_pem(),
                  [reply, response](Result<IdentityIssuer::Identity> identity) {
                    if (!identity.ok()) return reply->Finish(identity.status());
                    response->set_certificate_pem(std::move(identity->certificate_pem));
                    response->set_ca_pem(std::move(identity->ca_pem));
                    reply->Finish(Status::Ok());
                  });
  });
  return reactor;
}

grpc::ServerUnaryReactor* AgentService::FetchChallenge(
    grpc::CallbackServerContext* context, const agent::v1::FetchChallengeRequest* request,
    agent::v1::FetchChallengeResponse* response) {
  const Result<NodeName> node =
      gate_.Admit(*context, "/lockstep.agent.v1.AgentService/FetchChallenge");
  if (!node.ok()) return rpc::FinishNow(context, node.status());
  // Before the strand: a node that is asked for nonsense all day must not keep it busy.
  const Status often = misses_.Take(node->str(), "challenge misses of node " + node->str());
  if (!often.ok()) return rpc::FinishNow(context, often);
  const Result<Hostname> host = Hostname::Parse(request->host());
  if (!host.ok()) return rpc::FinishNow(context, host.status().Prefixed("host"));
  const Result<ChallengeToken> token = ChallengeToken::Parse(request->token());
  if (!token.ok()) return rpc::FinishNow(context, token.status().Prefixed("token"));
  auto* reactor = context->DefaultReactor();
  auto reply = std::make_shared<rpc::Reply>(reactor);
  state_.Post(
      [this, reply = std::move(reply), node = *node, host = *host, token = *token, response] {
        Result<std::string> found = challenges_.Get(node, host, token);
        const Status status = found.status();
        if (status.ok()) response->set_key_authorization(*std::move(found));
        reply->Finish(status);
      });
  return reactor;
}

}  // namespace lockstep::controller::session
