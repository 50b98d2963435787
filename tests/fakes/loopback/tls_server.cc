#include "tests/fakes/loopback/tls_server.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "common/base/encoding.h"
#include "common/status/status.h"

namespace lockstep::fakes {

TestCertificate TestCertificate::Make(const std::vector<std::string>& names) {
  TestCertificate out;
  out.key.reset(EVP_EC_gen("P-256"), EVP_PKEY_free);
  out.certificate.reset(X509_new(), X509_free);
  X509* x509 = out.certificate.get();
  X509_set_version(x509, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1234);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), 24L * 3600);
  X509_set_pubkey(x509, out.key.get());
  X509_NAME* subject = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(x509, subject);
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "DNS:" : ",DNS:") + name;
  if (!list.empty()) {
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, list.c_str());
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
  }
  LS_CHECK(X509_sign(x509, out.key.get(), EVP_sha256()) > 0);
  return out;
}

std::string TestCertificate::Fingerprint() const {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  unsigned int size = 0;
  LS_CHECK(X509_digest(certificate.get(), EVP_sha256(), digest, &size) == 1);
  return HexEncode({reinterpret_cast<const char*>(digest), size});
}

TlsServer::TlsServer(TestCertificate certificate, TlsServerOptions options)
    : certificate_(std::move(certificate)),
      options_(std::move(options)),
      context_(NewContext()),
      server_([this](int fd) { Serve(fd); }) {}

std::shared_ptr<SSL_CTX> TlsServer::NewContext() {
  std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* context = made.get();
  SSL_CTX_set_max_proto_version(context, options_.max_version);
  if (options_.with_certificate) {
    LS_CHECK(SSL_CTX_use_certificate(context, certificate_.certificate.get()) == 1);
    LS_CHECK(SSL_CTX_use_PrivateKey(context, certificate_.key.get()) == 1);
  }
  for (const TestCertificate& further : options_.chain) {
    LS_CHECK(SSL_CTX_add1_chain_cert(context, further.certificate.get()) == 1);
  }
  SSL_CTX_set_tlsext_servername_callback(context, &OnServerName);
  SSL_CTX_set_tlsext_servername_arg(context, this);
  for (const std::string& protocol : options_.alpn) {
    alpn_wire_ += static_cast<char>(protocol.size());
    alpn_wire_ += protocol;
  }
  if (!alpn_wire_.empty()) SSL_CTX_set_alpn_select_cb(context, &OnAlpn, this);
  return made;
}

int TlsServer::OnServerName(SSL* ssl, int*, void* user) {
  auto* self = static_cast<TlsServer*>(user);
  const char* sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const std::lock_guard lock(self->mu_);
  self->last_sni_ = sni != nullptr ? sni : "";
  return SSL_TLSEXT_ERR_OK;
}

int TlsServer::OnAlpn(SSL*, const unsigned char** out, unsigned char* out_size,
                      const unsigned char* in, unsigned int in_size, void* user) {
  const auto* self = static_cast<const TlsServer*>(user);
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(
      &chosen, out_size, reinterpret_cast<const unsigned char*>(self->alpn_wire_.data()),
      static_cast<unsigned int>(self->alpn_wire_.size()), in, in_size);
  *out = chosen;
  if (found == OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_OK;
  return self->options_.refuse_unknown_alpn ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

void TlsServer::Serve(int fd) {
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), &SSL_free);
  SSL_set_fd(ssl.get(), fd);
  if (SSL_accept(ssl.get()) != 1) return;
  char buffer[4096];
  const int read = SSL_read(ssl.get(), buffer, sizeof buffer);  // a request, or close_notify
  if (read > 0 && !options_.answer.empty()) {
    SSL_write(ssl.get(), options_.answer.data(), static_cast<int>(options_.answer.size()));
  }
  SSL_shutdown(ssl.get());
}

std::string TlsServer::last_sni() const {
  const std::lock_guard lock(mu_);
  return last_sni_;
}

}  // namespace lockstep::fakes
