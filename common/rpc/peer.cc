#include "common/rpc/peer.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <string_view>
#include <vector>

namespace lockstep::rpc {

Result<PeerIdentity> IdentifyPeer(const grpc::ServerContextBase& context) {
  const auto authenticated = context.auth_context();
  if (authenticated == nullptr || !authenticated->IsPeerAuthenticated()) {
    return Unauthenticated("the call carries no client certificate");
  }
  const std::vector<grpc::string_ref> uris =
      authenticated->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME);
  if (uris.size() != 1) {
    return Unauthenticated("the client certificate carries " + std::to_string(uris.size()) +
                           " URIs instead of one");
  }
  const std::vector<grpc::string_ref> certificates =
      authenticated->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (certificates.size() != 1) return Unauthenticated("the call carries no client certificate");
  return PeerIdentity{.uri = {uris[0].data(), uris[0].size()},
                      .certificate_pem = {certificates[0].data(), certificates[0].size()}};
}

std::string PeerAddress(const grpc::ServerContextBase& context) {
  // "ipv4:203.0.113.7:51234", "ipv6:%5B2001:db8::1%5D:51234", "unix:…"
  std::string_view peer;
  const std::string text = context.peer();
  peer = text;
  const bool v6 = peer.starts_with("ipv6:");
  if (!v6 && !peer.starts_with("ipv4:")) return "unknown";
  peer.remove_prefix(5);
  peer = peer.substr(0, peer.rfind(':'));
  for (const std::string_view bracket : {"%5B", "["}) {
    if (peer.starts_with(bracket)) peer.remove_prefix(bracket.size());
  }
  for (const std::string_view bracket : {"%5D", "]"}) {
    if (peer.ends_with(bracket)) peer.remove_suffix(bracket.size());
  }
  return std::string(peer);
}

}  // namespace lockstep::rpc
