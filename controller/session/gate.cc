#include "controller/session/gate.h"

#include "common/crypto/certificate.h"
#include "common/log/log.h"
#include "common/rpc/peer.h"

namespace lockstep::controller::session {
namespace {

Result<identity::NodeIdentity> Identify(const grpc::ServerContextBase& context) {
  LS_ASSIGN_OR_RETURN(const rpc::PeerIdentity peer, rpc::IdentifyPeer(context));
  LS_ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                      crypto::Certificate::FromPem(peer.certificate_pem));
  return identity::ReadNodeIdentity(certificate);
}

Status Refused(const grpc::ServerContextBase& context, std::string_view method, Status why) {
  log::Warning("session.refused",
               {{"method", method}, {"peer", rpc::PeerAddress(context)}, {"error", why}});
  return why;
}

}  // namespace

Result<NodeName> Gate::Admit(const grpc::ServerContextBase& context,
                             std::string_view method) const {
  const Result<identity::NodeIdentity> caller = Identify(context);
  if (!caller.ok()) return Refused(context, method, caller.status());
  const Status allowed = identity::Authorize(method, *caller, access_, clock_.Now());
  if (!allowed.ok()) return Refused(context, method, allowed);
  return caller->node;
}

Status Gate::AdmitAnyone(const grpc::ServerContextBase& context, std::string_view method) const {
  const Status allowed = identity::Authorize(method, identity::Anonymous{}, access_, clock_.Now());
  return allowed.ok() ? allowed : Refused(context, method, allowed);
}

}  // namespace lockstep::controller::session
