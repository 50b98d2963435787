#include "agent/session/enrolling.h"

#include <grpcpp/client_context.h>

#include <chrono>

#include "agent/session/pinned_ca.h"
#include "common/crypto/issue.h"
#include "common/rpc/status.h"
#include "common/rpc/tls.h"
#include "lockstep/agent/v1/agent.grpc.pb.h"

namespace lockstep::agent::session {
namespace {

constexpr Micros kHandshakeDeadline = Seconds(10);
constexpr auto kEnrolmentDeadline = std::chrono::seconds(30);

}  // namespace

Result<state::Identity> Enroll(const ControllerAddress& address, const state::JoinToken& token,
                               state::IdentityStore& store, const Clock& clock) {
  LS_ASSIGN_OR_RETURN(const crypto::PrivateKey key, store.EnrollmentKey());
  LS_ASSIGN_OR_RETURN(const crypto::Certificate ca,
                      FetchPinnedCa(address, token.ca_pin, kHandshakeDeadline));
  // From here on only who holds a certificate of that CA is spoken to.
  LS_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials,
                      rpc::EnrollmentClientCredentials(ca.Pem()));
  v1::EnrollRequest request;
  request.set_node(token.node.str());
  request.set_token_id(token.id);
  request.set_secret(std::string(token.secret.Reveal()));
  request.set_csr_pem(crypto::MakeCsr(key, token.node.str()));
  v1::EnrollResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kEnrolmentDeadline);
  const auto stub = v1::EnrollmentService::NewStub(MakeChannel(address, credentials));
  const grpc::Status called = stub->Enroll(&context, request, &response);
  if (!called.ok()) return rpc::FromGrpc(called).Prefixed("enrol as " + token.node.str());

  LS_ASSIGN_OR_RETURN(const crypto::Certificate answered_ca,
                      crypto::Certificate::FromPem(response.ca_pem()));
  if (answered_ca.Der() != ca.Der()) {
    return PermissionDenied("the controller answered with another ca than the token's");
  }
  LS_ASSIGN_OR_RETURN(state::Identity identity, store.Install(key, response.certificate_pem(),
                                                              response.ca_pem(), clock.Now()));
  if (identity.node != token.node) {
    return FailedPrecondition("the controller enrolled this machine as " + identity.node.str() +
                              " and not as " + token.node.str());
  }
  return identity;
}

}  // namespace lockstep::agent::session
