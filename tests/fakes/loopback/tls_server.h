// A TLS server on 127.0.0.1 with a certificate made for it.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/ip.h"
#include "tests/fakes/loopback/servers.h"

namespace lockstep::fakes {

// A self-signed P-256 certificate, valid from now to then, for `names`; serial 0x04d2.
struct TestCertificate {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;

  static TestCertificate Make(const std::vector<std::string>& names);
  // SHA-256 of the DER form, lower-case hex.
  std::string Fingerprint() const;
};

struct TlsServerOptions {
  bool with_certificate = true;
  std::vector<TestCertificate> chain;      // sent after the leaf
  std::vector<std::string> alpn = {"h2"};  // empty = takes no part in ALPN
  bool refuse_unknown_alpn = true;         // with an alert; else the handshake goes on without
  int max_version = TLS1_3_VERSION;
  std::string answer;  // sent verbatim after a request head, if not empty
};

class TlsServer {
 public:
  TlsServer(TestCertificate certificate, TlsServerOptions options);
  Endpoint endpoint() const { return server_.endpoint(); }
  // The SNI of the last handshake.
  std::string last_sni() const;

 private:
  std::shared_ptr<SSL_CTX> NewContext();
  void Serve(int fd);
  static int OnServerName(SSL* ssl, int* alert, void* user);
  static int OnAlpn(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void* user);

  const TestCertificate certificate_;
  const TlsServerOptions options_;
  std::string alpn_wire_;
  std::shared_ptr<SSL_CTX> context_;
  mutable std::mutex mu_;
  std::string last_sni_;  // guarded by mu_
  TcpServer server_;      // last: its thread uses the rest
};

}  // namespace lockstep::fakes
