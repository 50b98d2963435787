#include "controller/session/enrollment_service.h"

#include <string>

#include "common/log/log.h"
#include "common/rpc/peer.h"
#include "common/rpc/reply.h"

namespace lockstep::controller::session {
namespace {

constexpr size_t kMaxTokenPartBytes = 128;

Result<NodeName> Validate(const agent::v1::EnrollRequest& request) {
  Result<NodeName> node = NodeName::Parse(request.node());
  if (!node.ok()) return node.status().Prefixed("node");
  if (request.token_id().empty() || request.token_id().size() > kMaxTokenPartBytes) {
    return InvalidArgument("token_id: must have 1 to 128 bytes");
  }
  if (request.secret().empty() || request.secret().size() > kMaxTokenPartBytes) {
    return InvalidArgument("secret: must have 1 to 128 bytes");
  }
  if (request.csr_pem().empty() || request.csr_pem().size() > kMaxCsrBytes) {
    return InvalidArgument("csr_pem: must have 1 to 16384 bytes");
  }
  return node;
}

void Fill(const IdentityIssuer::Identity& identity, agent::v1::EnrollResponse& response) {
  response.set_certificate_pem(identity.certificate_pem);
  response.set_ca_pem(identity.ca_pem);
  response.set_pop(identity.pop.str());
  const int64_t micros = ToUnixMicros(identity.not_after);
  response.mutable_not_after()->set_seconds(micros / 1'000'000);
  response.mutable_not_after()->set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
}

}  // namespace

EnrollmentService::EnrollmentService(Options options, const Gate& gate, IdentityIssuer& issuer,
                                     task::Executor& state)
    : options_(options),
      gate_(gate),
      issuer_(issuer),
      state_(state),
      tries_(options.tries_per_second, options.burst, state.clock()) {}

grpc::ServerUnaryReactor* EnrollmentService::Enroll(grpc::CallbackServerContext* context,
                                                    const agent::v1::EnrollRequest* request,
                                                    agent::v1::EnrollResponse* response) {
  const Status admitted =
      gate_.AdmitAnyone(*context, "/lockstep.agent.v1.EnrollmentService/Enroll");
  if (!admitted.ok()) return rpc::FinishNow(context, admitted);
  const std::string peer = rpc::PeerAddress(*context);
  const Status often = tries_.Take(peer, "enrolment from " + peer);
  if (!often.ok()) return rpc::FinishNow(context, often);
  const Result<NodeName> node = Validate(*request);
  if (!node.ok()) return rpc::FinishNow(context, node.status());

  auto* reactor = context->DefaultReactor();
  auto reply = std::make_shared<rpc::Reply>(reactor);
  const auto done = [this, reply, response, peer,
                     node = *node](Result<IdentityIssuer::Identity> identity) {
    if (identity.ok()) {
      log::Info("session.enrolled", {{"node", node.str()}, {"peer", peer}});
      Fill(*identity, *response);
      return reply->Finish(Status::Ok());
    }
    log::Warning("session.enroll_refused",
                 {{"node", node.str()}, {"peer", peer}, {"error", identity.status()}});
    state_.PostAfter(options_.delay_on_failure,
                     [reply, why = identity.status()] { reply->Finish(why); });
  };
  state_.Post([this, request, node = *node, done] {
    issuer_.Enroll(node, request->token_id(), crypto::Secret::CopyOf(request->secret()),
                   request->csr_pem(), done);
  });
  return reactor;
}

}  // namespace lockstep::controller::session
