// One certificate chain and its key, as GnuTLS serves them. Immutable, shared by all handshakes.
#pragma once

#include <gnutls/gnutls.h>

#include <memory>
#include <string>
#include <string_view>

#include "common/crypto/secret.h"
#include "common/status/status.h"

namespace lockstep::agent::quicd::server {

class Credentials {
 public:
  // INVALID_ARGUMENT if the chain or the key cannot be read, or do not belong together.
  static Result<std::shared_ptr<const Credentials>> Load(std::string_view chain_pem,
                                                         const crypto::Secret& key_pem);
  ~Credentials();
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  gnutls_certificate_credentials_t get() const { return handle_; }

 private:
  explicit Credentials(gnutls_certificate_credentials_t handle) : handle_(handle) {}
  gnutls_certificate_credentials_t handle_;
};

}  // namespace lockstep::agent::quicd::server
