#include "common/probe/quic_tls.h"

#include <ngtcp2/ngtcp2_crypto_gnutls.h>

namespace lockstep::probe {
namespace {

// Made once, read only afterwards: parsing the priority string costs more than a session.
struct Library {
  gnutls_certificate_credentials_t credentials = nullptr;
  gnutls_priority_t priority = nullptr;
};

const Library& SharedLibrary() {
  static const Library library = [] {
    Library made;
    LS_CHECK(gnutls_certificate_allocate_credentials(&made.credentials) == GNUTLS_E_SUCCESS);
    // RFC 9001 §4.2 and §8.4: TLS 1.3 only, without its middlebox compatibility mode.
    constexpr const char* kPriority =
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
        "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1:"
        "%DISABLE_TLS13_COMPAT_MODE";
    LS_CHECK(gnutls_priority_init(&made.priority, kPriority, nullptr) == GNUTLS_E_SUCCESS);
    return made;
  }();
  return library;
}

Status GnutlsFailure(std::string_view what, int rc) {
  return Internal(std::string(what) + ": " + gnutls_strerror(rc));
}

}  // namespace

QuicTls::~QuicTls() {
  if (session_ != nullptr) gnutls_deinit(session_);
}

Status QuicTls::Start(const Hostname& sni, const std::vector<std::string>& alpn,
                      ngtcp2_crypto_conn_ref* conn_ref) {
  const Library& library = SharedLibrary();
  if (const int rc = gnutls_init(&session_, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL); rc != 0) {
    return GnutlsFailure("make a TLS session", rc);
  }
  if (const int rc = gnutls_priority_set(session_, library.priority); rc != 0) {
    return GnutlsFailure("set TLS priorities", rc);
  }
  if (const int rc = gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, library.credentials);
      rc != 0) {
    return GnutlsFailure("set TLS credentials", rc);
  }
  if (ngtcp2_crypto_gnutls_configure_client_session(session_) != 0) {
    return Internal("GnuTLS takes no QUIC callbacks");
  }
  gnutls_session_set_ptr(session_, conn_ref);
  const std::string& name = sni.ascii();
  if (!name.empty()) gnutls_server_name_set(session_, GNUTLS_NAME_DNS, name.data(), name.size());

  std::vector<gnutls_datum_t> protocols;
  for (const std::string& protocol : alpn) {
    if (protocol.empty() || protocol.size() > 255) {
      return InvalidArgument("ALPN protocol " + Quoted(protocol) + " must have 1-255 bytes");
    }
    // GnuTLS copies it; the type of its parameter is just not const.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(protocol.data()));
    protocols.push_back({data, static_cast<unsigned int>(protocol.size())});
  }
  if (const int rc = gnutls_alpn_set_protocols(session_, protocols.data(),
                                               static_cast<unsigned int>(protocols.size()), 0);
      rc != 0) {
    return GnutlsFailure("set the ALPN list", rc);
  }
  return Status::Ok();
}

std::vector<std::string> QuicTls::Chain() const {
  unsigned int count = 0;
  const gnutls_datum_t* certificates =
      session_ != nullptr ? gnutls_certificate_get_peers(session_, &count) : nullptr;
  std::vector<std::string> out;
  for (unsigned int i = 0; certificates != nullptr && i < count; ++i) {
    out.emplace_back(reinterpret_cast<const char*>(certificates[i].data), certificates[i].size);
  }
  return out;
}

std::string QuicTls::Alpn() const {
  gnutls_datum_t protocol{};
  if (session_ == nullptr || gnutls_alpn_get_selected_protocol(session_, &protocol) != 0) return "";
  return {reinterpret_cast<const char*>(protocol.data), protocol.size};
}

std::string QuicTls::AlertText(uint8_t alert) {
  const char* name = gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(alert));
  return std::string(name != nullptr ? name : "unknown") + " (TLS alert " + std::to_string(alert) +
         ")";
}

}  // namespace lockstep::probe
