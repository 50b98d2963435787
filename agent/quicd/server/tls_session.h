// The TLS half of one connection: GnuTLS as a QUIC server.
//
// ngtcp2's own glue would do but for one thing: it encodes the transport parameters that the
// library enforces. We say disable_active_migration on the wire and enforce it ourselves, because
// the library keeps enforcing it on the preferred address, where RFC 9000 §18.2 lets clients move
// freely (docs/adr/2026-11-25-transport-parameters-per-name.md).
#pragma once

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "agent/quicd/server/configuration.h"

namespace lockstep::agent::quicd::server {

class TlsSession {
 public:
  // What a session asks of its connection.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual ngtcp2_conn* quic() = 0;
    // The client has named a host (lower case; "" if none), and has been told nothing yet: the last
    // moment for transport parameters. Null refuses the handshake.
    virtual const ServedSite* ChooseSite(std::string_view host) = 0;
    virtual bool says_disable_active_migration() const = 0;
  };

  // `owner` and `configuration` outlive the session.
  static std::unique_ptr<TlsSession> Create(Owner& owner, const Configuration& configuration);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // For ngtcp2_conn_set_tls_native_handle.
  gnutls_session_t handle() const { return session_; }
  bool resumed() const { return gnutls_session_is_resumed(session_) != 0; }
  // The client's Finished has come. What it says after that must not get here: a KeyUpdate would
  // have GnuTLS hand over keys that ngtcp2 has already, and ngtcp2 aborts the process on that.
  bool heard_all() const { return heard_all_; }
  // One session ticket, once the handshake is complete.
  void SendTicket();

 private:
  struct Hooks;  // what GnuTLS calls
  TlsSession(Owner& owner, const Configuration& configuration)
      : owner_(owner), configuration_(configuration) {}
  bool Init();
  void NoteTicket(std::span<const uint8_t> ticket);
  int OnClientHello();
  std::string ServerName() const;

  Owner& owner_;
  const Configuration& configuration_;
  gnutls_session_t session_ = nullptr;
  std::vector<uint8_t> offered_ticket_;
  bool tickets_enabled_ = false;
  bool heard_all_ = false;
};

}  // namespace lockstep::agent::quicd::server
