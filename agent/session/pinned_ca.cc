#include "agent/session/pinned_ca.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <memory>
#include <vector>

#include "common/base/encoding.h"
#include "common/net/limit.h"
#include "common/net/socket.h"

namespace lockstep::agent::session {
namespace {

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

Status HandshakeFailed() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return Unavailable(std::string("handshake failed: ") +
                     (reason == nullptr ? "the connection was closed" : reason));
}

Status Handshake(SSL* ssl, int fd, const net::Limit& limit) {
  while (true) {
    const int done = SSL_connect(ssl);
    if (done == 1) return Status::Ok();
    switch (SSL_get_error(ssl, done)) {
      case SSL_ERROR_WANT_READ:
        LS_RETURN_IF_ERROR(limit.WaitFor(fd, POLLIN));
        break;
      case SSL_ERROR_WANT_WRITE:
        LS_RETURN_IF_ERROR(limit.WaitFor(fd, POLLOUT));
        break;
      default:
        return HandshakeFailed();
    }
  }
}

std::vector<crypto::Certificate> ChainOf(SSL* ssl) {
  std::vector<crypto::Certificate> chain;
  const STACK_OF(X509)* shown = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; i < sk_X509_num(shown); ++i) {
    X509* certificate = sk_X509_value(shown, i);
    X509_up_ref(certificate);
    chain.emplace_back(std::shared_ptr<x509_st>(certificate, X509_free));
  }
  return chain;
}

}  // namespace

Result<crypto::Certificate> FindPinned(const std::vector<crypto::Certificate>& chain,
                                       const std::string& pin) {
  for (size_t i = 1; i < chain.size(); ++i) {
    const Result<crypto::PublicKey> key = chain[i].SubjectPublicKey();
    if (!key.ok() || Base64UrlEncode(key->SpkiSha256()) != pin) continue;
    if (chain[i].IsCa() && chain[0].IsSignedBy(chain[i])) return chain[i];
  }
  return PermissionDenied(
      "the ca of who answers is not the one that the join token names: check session and enroll "
      "addresses; the token was not sent");
}

Result<crypto::Certificate> FetchPinnedCa(const ControllerAddress& address, const std::string& pin,
                                          Micros deadline, std::stop_token stop) {
  const net::Limit limit(deadline, std::move(stop));
  LS_ASSIGN_OR_RETURN(const Fd fd, net::ConnectTcp(address.endpoint, std::nullopt, limit));
  const std::unique_ptr<SSL_CTX, Free> context(SSL_CTX_new(TLS_client_method()));
  LS_CHECK(context != nullptr);
  // Trusted by its pin, which is checked before anything is said.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  const std::unique_ptr<SSL, Free> ssl(SSL_new(context.get()));
  LS_CHECK(ssl != nullptr);
  static constexpr unsigned char kAlpn[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl.get(), kAlpn, sizeof(kAlpn));
  SSL_set_tlsext_host_name(ssl.get(), address.name.c_str());
  SSL_set_fd(ssl.get(), fd.get());
  const Status shaken = Handshake(ssl.get(), fd.get(), limit);
  if (!shaken.ok()) return shaken.Prefixed("enrolment listener " + address.endpoint.ToString());
  return FindPinned(ChainOf(ssl.get()), pin);
}

}  // namespace lockstep::agent::session
