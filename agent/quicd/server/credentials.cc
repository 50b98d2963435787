#include "agent/quicd/server/credentials.h"

namespace lockstep::agent::quicd::server {
namespace {

// GnuTLS reads it; the type of its parameter is just not const.
gnutls_datum_t Datum(std::string_view text) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned int>(text.size())};
}

}  // namespace

Result<std::shared_ptr<const Credentials>> Credentials::Load(std::string_view chain_pem,
                                                             const crypto::Secret& key_pem) {
  gnutls_certificate_credentials_t handle = nullptr;
  LS_CHECK(gnutls_certificate_allocate_credentials(&handle) == GNUTLS_E_SUCCESS);
  std::shared_ptr<const Credentials> made(new Credentials(handle));
  const gnutls_datum_t chain = Datum(chain_pem);
  const gnutls_datum_t key = Datum(key_pem.Reveal());
  const int rc =
      gnutls_certificate_set_x509_key_mem2(handle, &chain, &key, GNUTLS_X509_FMT_PEM, nullptr, 0);
  if (rc < 0) return InvalidArgument(std::string("certificate and key: ") + gnutls_strerror(rc));
  return made;
}

Credentials::~Credentials() { gnutls_certificate_free_credentials(handle_); }

}  // namespace lockstep::agent::quicd::server
