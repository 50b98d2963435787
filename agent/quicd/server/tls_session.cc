#include "agent/quicd/server/tls_session.h"

#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <algorithm>
#include <array>

namespace lockstep::agent::quicd::server {
namespace {

constexpr int kTransportParametersExtension = 0x39;  // RFC 9001 §8.2
constexpr uint16_t kPreSharedKeyExtension = 41;      // RFC 8446 §4.2.11
constexpr size_t kMaxHostBytes = 255;
constexpr size_t kMaxTransportParameterBytes = 512;

// Made once, read only afterwards: parsing the priority string costs more than a session.
gnutls_priority_t Priority() {
  static const gnutls_priority_t priority = [] {
    // RFC 9001 §4.2 and §8.4: TLS 1.3 only, without its middlebox compatibility mode.
    constexpr const char* kText =
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
        "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1:"
        "%DISABLE_TLS13_COMPAT_MODE:%SERVER_PRECEDENCE";
    gnutls_priority_t made = nullptr;
    LS_CHECK(gnutls_priority_init(&made, kText, nullptr) == GNUTLS_E_SUCCESS);
    return made;
  }();
  return priority;
}

}  // namespace

struct TlsSession::Hooks {
  static TlsSession& Self(gnutls_session_t session) {
    return *static_cast<TlsSession*>(gnutls_session_get_ptr(session));
  }
  static ngtcp2_conn* Quic(gnutls_session_t session) { return Self(session).owner_.quic(); }

  static int OnSecret(gnutls_session_t session, gnutls_record_encryption_level_t level,
                      const void* rx, const void* tx, size_t size) {
    ngtcp2_conn* quic = Quic(session);
    const auto at = ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(level);
    if (rx != nullptr &&
        ngtcp2_crypto_derive_and_install_rx_key(quic, nullptr, nullptr, nullptr, at,
                                                static_cast<const uint8_t*>(rx), size) != 0) {
      return -1;
    }
    if (rx != nullptr && level == GNUTLS_ENCRYPTION_LEVEL_APPLICATION)
      Self(session).heard_all_ = true;
    if (tx != nullptr &&
        ngtcp2_crypto_derive_and_install_tx_key(quic, nullptr, nullptr, nullptr, at,
                                                static_cast<const uint8_t*>(tx), size) != 0) {
      return -1;
    }
    return 0;
  }

  static int OnMessageToSend(gnutls_session_t session, gnutls_record_encryption_level_t level,
                             gnutls_handshake_description_t type, const void* data, size_t size) {
    if (type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC) return 0;
    const int rv = ngtcp2_conn_submit_crypto_data(
        Quic(session), ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(level),
        static_cast<const uint8_t*>(data), size);
    if (rv != 0) ngtcp2_conn_set_tls_error(Quic(session), rv);
    return rv == 0 ? 0 : -1;
  }

  static int OnAlertToSend(gnutls_session_t session, gnutls_record_encryption_level_t,
                           gnutls_alert_level_t, gnutls_alert_description_t alert) {
    ngtcp2_conn_set_tls_alert(Quic(session), static_cast<uint8_t>(alert));
    return 0;
  }

  static int OnParameters(gnutls_session_t session, const uint8_t* data, size_t size) {
    const int rv = ngtcp2_conn_decode_and_set_remote_transport_params(Quic(session), data, size);
    if (rv != 0) ngtcp2_conn_set_tls_error(Quic(session), rv);
    return rv == 0 ? 0 : -1;
  }

  static int OnParametersToSend(gnutls_session_t session, gnutls_buffer_t out) {
    ngtcp2_transport_params params = *ngtcp2_conn_get_local_transport_params(Quic(session));
    params.disable_active_migration = Self(session).owner_.says_disable_active_migration() ? 1 : 0;
    std::array<uint8_t, kMaxTransportParameterBytes> buffer{};
    const ngtcp2_ssize size = ngtcp2_transport_params_encode(buffer.data(), buffer.size(), &params);
    if (size < 0) return -1;
    return gnutls_buffer_append_data(out, buffer.data(), static_cast<size_t>(size));
  }

  static int OnRawClientHello(gnutls_session_t session, unsigned int, unsigned int, unsigned int,
                              const gnutls_datum_t* message) {
    gnutls_ext_raw_parse(&Self(session), OnRawExtension, message,
                         GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
    return 0;  // what is malformed, GnuTLS itself refuses
  }

  static int OnRawExtension(void* self, unsigned int type, const unsigned char* data,
                            unsigned int size) {
    // identities<7..2^16-1>, of which the first is identity<1..2^16-1> and its age.
    if (type != kPreSharedKeyExtension || size < 4) return 0;
    const size_t length = static_cast<size_t>(data[2] << 8 | data[3]);
    if (length <= size - 4) static_cast<TlsSession*>(self)->NoteTicket({data + 4, length});
    return 0;
  }

  static int OnParsedClientHello(gnutls_session_t session) { return Self(session).OnClientHello(); }
};

std::unique_ptr<TlsSession> TlsSession::Create(Owner& owner, const Configuration& configuration) {
  std::unique_ptr<TlsSession> made(new TlsSession(owner, configuration));
  return made->Init() ? std::move(made) : nullptr;
}

TlsSession::~TlsSession() {
  if (session_ != nullptr) gnutls_deinit(session_);
}

bool TlsSession::Init() {
  // Without GNUTLS_ENABLE_EARLY_DATA: a replayed request would reach any node of the fleet.
  const unsigned int flags =
      GNUTLS_SERVER | GNUTLS_NO_SIGNAL | GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_END_OF_EARLY_DATA;
  if (gnutls_init(&session_, flags) != 0) return false;
  gnutls_session_set_ptr(session_, this);
  if (gnutls_priority_set(session_, Priority()) != 0) return false;
  gnutls_handshake_set_secret_function(session_, Hooks::OnSecret);
  gnutls_handshake_set_read_function(session_, Hooks::OnMessageToSend);
  gnutls_alert_set_read_function(session_, Hooks::OnAlertToSend);
  gnutls_handshake_set_hook_function(session_, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE,
                                     Hooks::OnRawClientHello);
  gnutls_handshake_set_post_client_hello_function(session_, Hooks::OnParsedClientHello);
  gnutls_db_set_cache_expiration(session_, static_cast<int>(kTicketLifetime.count()));
  std::array<unsigned char, 2> h3 = {'h', '3'};
  const gnutls_datum_t protocol{h3.data(), h3.size()};
  return gnutls_alpn_set_protocols(session_, &protocol, 1, GNUTLS_ALPN_MANDATORY) == 0 &&
         gnutls_session_ext_register(
             session_, "QUIC transport parameters", kTransportParametersExtension, GNUTLS_EXT_TLS,
             Hooks::OnParameters, Hooks::OnParametersToSend, nullptr, nullptr, nullptr,
             GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO | GNUTLS_EXT_FLAG_EE) == 0;
}

void TlsSession::NoteTicket(std::span<const uint8_t> ticket) {
  offered_ticket_.assign(ticket.begin(), ticket.end());
}

// Called once per ClientHello, so twice after a HelloRetryRequest.
int TlsSession::OnClientHello() {
  gnutls_datum_t protocol{};
  if (gnutls_alpn_get_selected_protocol(session_, &protocol) != 0) {
    return GNUTLS_E_NO_APPLICATION_PROTOCOL;  // RFC 9001 §8.1: also for a client that offers none
  }
  const ServedSite* site = owner_.ChooseSite(ServerName());
  if (site == nullptr) return GNUTLS_E_UNRECOGNIZED_NAME;
  if (const int rc =
          gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, site->credentials->get());
      rc != 0) {
    return rc;
  }
  if (tickets_enabled_) return 0;
  tickets_enabled_ = true;
  const crypto::Secret& key =
      configuration_.tickets().KeyFor(offered_ticket_, Clock::System().Now());
  const gnutls_datum_t datum{
      reinterpret_cast<unsigned char*>(const_cast<char*>(key.Reveal().data())),
      static_cast<unsigned int>(key.size())};
  return gnutls_session_ticket_enable_server(session_, &datum);
}

std::string TlsSession::ServerName() const {
  std::string name(kMaxHostBytes + 1, '\0');
  size_t size = name.size();
  unsigned int type = 0;
  if (gnutls_server_name_get(session_, name.data(), &size, &type, 0) != 0 ||
      type != GNUTLS_NAME_DNS) {
    return "";
  }
  name.resize(size);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return name;
}

void TlsSession::SendTicket() { gnutls_session_ticket_send(session_, 1, 0); }

}  // namespace lockstep::agent::quicd::server
