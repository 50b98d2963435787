// The TLS 1.3 half of a QUIC client: a GnuTLS session that verifies nothing and shows everything.
#pragma once

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/base/hostname.h"
#include "common/status/status.h"

namespace lockstep::probe {

class QuicTls {
 public:
  QuicTls() = default;
  ~QuicTls();
  QuicTls(const QuicTls&) = delete;
  QuicTls& operator=(const QuicTls&) = delete;

  // Once. `conn_ref` leads ngtcp2's callbacks to their connection and outlives this object.
  Status Start(const Hostname& sni, const std::vector<std::string>& alpn,
               ngtcp2_crypto_conn_ref* conn_ref);

  gnutls_session_t session() const { return session_; }
  // The certificates the server sent (DER), leaf first; empty before they came.
  std::vector<std::string> Chain() const;
  // The protocol the server chose; "" = none.
  std::string Alpn() const;

  // "Handshake failed (TLS alert 40)".
  static std::string AlertText(uint8_t alert);

 private:
  gnutls_session_t session_ = nullptr;
};

}  // namespace lockstep::probe
