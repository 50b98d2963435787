// Key pairs and signatures. Keys that we make are ECDSA P-256; keys that we read may be any EC or
// RSA (≥ 2048 bits) key, since certbot's operators choose theirs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/crypto/secret.h"
#include "common/status/status.h"

struct evp_pkey_st;

namespace lockstep::crypto {

class PublicKey {
 public:
  // A SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7).
  static Result<PublicKey> FromDer(std::string_view der);
  std::string Der() const;
  // SHA-256 over Der(), 32 raw bytes: the pin of RFC 7469 §2.4.
  std::string SpkiSha256() const;
  // Checks an ECDSA or RSA PKCS#1 signature with SHA-256; UNAUTHENTICATED if it is not this key's.
  Status Verify(std::string_view bytes, std::string_view signature) const;

  friend bool operator==(const PublicKey& a, const PublicKey& b);
  evp_pkey_st* raw() const { return key_.get(); }
  explicit PublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}

 private:
  std::shared_ptr<evp_pkey_st> key_;  // immutable, so shared
};

// Move-only; OpenSSL wipes the key material when the last holder goes.
class PrivateKey {
 public:
  static PrivateKey GenerateP256();
  // PKCS#8, SEC1 or PKCS#1 PEM without passphrase; exactly one key.
  static Result<PrivateKey> FromPem(std::string_view pem);
  Secret ToPem() const;  // PKCS#8

  // ECDSA (DER) or RSA PKCS#1 with SHA-256.
  std::string Sign(std::string_view bytes) const;
  PublicKey Public() const;
  std::string PublicKeyDer() const { return Public().Der(); }
  std::string SpkiSha256() const { return Public().SpkiSha256(); }

  PrivateKey(PrivateKey&&) noexcept = default;
  PrivateKey& operator=(PrivateKey&&) noexcept = default;
  evp_pkey_st* raw() const { return key_.get(); }

 private:
  explicit PrivateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace lockstep::crypto
