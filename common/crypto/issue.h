// Being a certificate authority: requests, a self-signed root, leaves.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"
#include "common/status/status.h"

namespace lockstep::crypto {

// A PKCS#10 request (RFC 2986) in PEM.
std::string MakeCsr(const PrivateKey& key, std::string_view common_name);

struct Csr {
  PublicKey public_key;
  std::string common_name = {};  // a claim: whoever issues decides the names
};
// PEM or DER, at most 16 KiB; checks the request's own signature, which proves that the sender
// holds the key. Only P-256 and larger EC keys and RSA of 2048 to 8192 bits.
Result<Csr> ParseCsr(std::string_view text);

// A root that may sign leaves only (pathlen 0). `lifetime` counts from `now`.
Result<Certificate> SelfSignedCa(const PrivateKey& key, std::string_view name, Micros lifetime,
                                 WallTime now);

struct LeafProfile {
  std::string common_name = {};
  std::vector<std::string> dns_names = {};
  std::vector<IpAddress> ip_addresses = {};
  std::string uri = {};  // none if empty
  bool client_auth = false;
  bool server_auth = false;
  WallTime not_before = {};
  Micros lifetime{0};
};
// A leaf with a random 128-bit serial; it never outlives the CA. FAILED_PRECONDITION if `ca_key` is
// not the CA's or the CA is not valid at not_before.
Result<Certificate> IssueCertificate(const Certificate& ca, const PrivateKey& ca_key,
                                     const PublicKey& subject, const LeafProfile& profile);

}  // namespace lockstep::crypto
