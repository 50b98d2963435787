// TlsHandshake: OpenSSL over memory buffers, so that our own sockets keep the deadline and no write
// can raise a SIGPIPE.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string_view>

#include "common/net/limit.h"
#include "common/net/socket.h"
#include "common/probe/certificate.h"
#include "common/probe/probe.h"

namespace lockstep::probe {
namespace {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

// Made once: a context costs more than a handshake. Holds settings only; no sessions, no keys.
SSL_CTX* Context() {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_client_method());
    LS_CHECK(made != nullptr);
    SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
    SSL_CTX_set_verify(made, SSL_VERIFY_NONE, nullptr);
    // A weak certificate is to be seen and judged, not to end the handshake.
    SSL_CTX_set_security_level(made, 0);
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
    return made;
  }();
  return context;
}

// The protocols as RFC 7301 §3.1 lists them: each after its length.
Result<std::string> AlpnList(const std::vector<std::string>& protocols) {
  std::string out;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) {
      return InvalidArgument("ALPN protocol " + Quoted(protocol) + " must have 1-255 bytes");
    }
    out += static_cast<char>(protocol.size());
    out += protocol;
  }
  return out;
}

Result<SslPtr> NewSession(const TlsRequest& request) {
  ERR_clear_error();
  SslPtr ssl(SSL_new(Context()));
  if (!ssl) return ResourceExhausted("no memory for a TLS session");
  BIO* from_peer = BIO_new(BIO_s_mem());
  BIO* to_peer = BIO_new(BIO_s_mem());
  if (from_peer == nullptr || to_peer == nullptr) {
    BIO_free(from_peer);
    BIO_free(to_peer);
    return ResourceExhausted("no memory for a TLS session");
  }
  SSL_set_bio(ssl.get(), from_peer, to_peer);
  SSL_set_connect_state(ssl.get());
  if (!request.sni.ascii().empty()) {
    SSL_set_tlsext_host_name(ssl.get(), request.sni.ascii().c_str());
  }
  LS_ASSIGN_OR_RETURN(const std::string alpn, AlpnList(request.alpn));
  if (!alpn.empty() &&
      SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                          static_cast<unsigned int>(alpn.size())) != 0) {
    return InvalidArgument("the ALPN list is too long");
  }
  return ssl;
}

// Sends what OpenSSL has written.
Status Flush(SSL* ssl, const Fd& socket, const net::Limit& limit) {
  BIO* out = SSL_get_wbio(ssl);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  if (size <= 0) return Status::Ok();
  Status sent = net::SendAll(socket, {data, static_cast<size_t>(size)}, limit);
  BIO_reset(out);
  return sent;
}

// Takes one read from the socket into OpenSSL.
Status Feed(SSL* ssl, const Fd& socket, const net::Limit& limit) {
  std::array<char, 16384> buffer;
  LS_ASSIGN_OR_RETURN(const size_t size, net::Receive(socket, buffer.data(), buffer.size(), limit));
  if (size == 0) return Unavailable("the peer closed the connection");
  BIO_write(SSL_get_rbio(ssl), buffer.data(), static_cast<int>(size));
  return Status::Ok();
}

// OpenSSL's own words for what ended the handshake, such as "tlsv1 alert no application protocol".
Status LastError() {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return Unavailable(reason != nullptr ? reason : "the peer broke the TLS protocol");
}

Status Handshake(SSL* ssl, const Fd& socket, const net::Limit& limit) {
  while (true) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl);
    const int error = SSL_get_error(ssl, result);
    Status failure =
        error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL ? LastError() : Status::Ok();
    Status flushed = Flush(ssl, socket, limit);  // an alert of ours, too
    LS_RETURN_IF_ERROR(failure);
    if (result == 1) return flushed;
    // A peer that fails the handshake and closes may make our write fail before we have read its
    // alert, which says more.
    if (!flushed.ok() && flushed.code() != Code::kUnavailable) return flushed;
    if (Status fed = Feed(ssl, socket, limit); !fed.ok()) {
      return flushed.ok() ? fed : flushed;
    }
  }
}

std::vector<std::string> Chain(const SSL* ssl) {
  std::vector<std::string> out;
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(sk_X509_value(chain, i), &der);
    if (size <= 0) continue;
    out.emplace_back(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
  }
  return out;
}

void Note(const SSL* ssl, TlsObservation* seen) {
  const std::vector<std::string> chain = Chain(ssl);
  const Status observed = ObserveChain(chain, &seen->certificate);
  if (seen->error.empty() && !observed.ok()) seen->error = observed.message();
  if (!seen->handshake) return;
  const unsigned char* alpn = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &size);
  if (size > 0) seen->alpn.assign(reinterpret_cast<const char*>(alpn), size);
  seen->version = SSL_get_version(ssl);
}

}  // namespace

TlsObservation TlsHandshake(const TlsRequest& request, std::stop_token stop) {
  const net::Limit limit(request.route.deadline, std::move(stop));
  const MonoTime begin = limit.Now();
  TlsObservation seen;
  seen.remote = request.route.target;
  const auto done = [&](const Status& status) {
    seen.elapsed = limit.Now() - begin;
    seen.error = status.message();
  };
  Result<SslPtr> ssl = NewSession(request);
  if (!ssl.ok()) {
    done(ssl.status());
    return seen;
  }
  const Result<Fd> socket = net::ConnectTcp(request.route.target, request.route.source, limit);
  seen.connected = socket.ok();
  if (!socket.ok()) {
    done(socket.status());
    return seen;
  }
  const Status status = Handshake(ssl->get(), *socket, limit);
  seen.handshake = SSL_is_init_finished(ssl->get()) == 1 && status.ok();
  done(status.Prefixed("TLS handshake with " + request.route.target.ToString()));
  Note(ssl->get(), &seen);
  if (seen.handshake) {
    // Goodbye, so that the server logs no error; whether it arrives is no part of the observation.
    SSL_shutdown(ssl->get());
    (void)Flush(ssl->get(), *socket, limit);
  }
  ERR_clear_error();
  return seen;
}

}  // namespace lockstep::probe
