// X.509 certificates: reading them, and checking a chain before anybody is asked to serve it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/crypto/key.h"
#include "common/status/status.h"

struct x509_st;

namespace lockstep::crypto {

// An immutable certificate; cheap to copy.
class Certificate {
 public:
  // One certificate in PEM. For files with several: ParseChain.
  static Result<Certificate> FromPem(std::string_view pem);
  static Result<Certificate> FromDer(std::string_view der);
  std::string Pem() const;
  std::string Der() const;

  // The first common name as printable text; empty if there is none.
  std::string CommonName() const;
  // dNSName entries, lower case, in order, wildcards as they stand.
  std::vector<std::string> DnsNames() const;
  // uniformResourceIdentifier entries.
  std::vector<std::string> Uris() const;
  // iPAddress entries in text form.
  std::vector<std::string> IpAddresses() const;
  WallTime NotBefore() const;
  WallTime NotAfter() const;
  std::string SerialHex() const;             // lower-case hex without leading zero bytes, "0" if 0
  std::string FingerprintSha256Hex() const;  // of the DER
  std::string Issuer() const;                // RFC 2253 form
  std::string Subject() const;
  bool IsCa() const;
  bool HasClientAuth() const;  // extended key usage clientAuth is listed
  bool HasServerAuth() const;
  Result<PublicKey> SubjectPublicKey() const;
  bool PublicKeyMatches(const PrivateKey& key) const;
  // Issuer and subject agree and the signature verifies.
  bool IsSignedBy(const Certificate& issuer) const;

  x509_st* raw() const { return x509_.get(); }
  explicit Certificate(std::shared_ptr<x509_st> x509) : x509_(std::move(x509)) {}

 private:
  std::shared_ptr<x509_st> x509_;
};

// All certificates of a PEM text, leaf first as in a fullchain.pem: 1-16, at most 256 KiB; text
// between the blocks is ignored, any other kind of block (a private key!) refused.
Result<std::vector<Certificate>> ParseChain(std::string_view pem);
std::string RenderChain(std::span<const Certificate> chain);

enum class NameRule { kExactly, kAtLeast };

// Whether `chain` (leaf first, root left out or not) and `key` can be served for `names` at `now`:
// the leaf covers the names, its key is `key`, it is no CA, each certificate is signed by the next,
// which is a CA, and all dates hold. FAILED_PRECONDITION with what is wrong, all of it:
// "certificate does not match its private key; certificate lacks the name a.example".
Status CheckChain(std::span<const Certificate> chain, const PrivateKey& key,
                  std::span<const Hostname> names, WallTime now,
                  NameRule rule = NameRule::kExactly);

}  // namespace lockstep::crypto
