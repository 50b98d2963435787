// Arbitrary text as certificates, a request, a key: none may crash, and a chain that was read comes
// back from its own PEM form.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/crypto/certificate.h"
#include "common/crypto/issue.h"

namespace {

using lockstep::crypto::Certificate;

void Look(const Certificate& certificate) {
  certificate.CommonName();
  certificate.DnsNames();
  certificate.Uris();
  certificate.IpAddresses();
  certificate.SerialHex();
  certificate.Issuer();
  certificate.HasClientAuth();
  certificate.IsSignedBy(certificate);
  if (certificate.NotBefore() == certificate.NotAfter()) return;
  const auto key = certificate.SubjectPublicKey();
  if (key.ok() && key->Verify("text", "signature").ok()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace crypto = lockstep::crypto;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto chain = crypto::ParseChain(text); chain.ok()) {
    for (const Certificate& certificate : *chain) Look(certificate);
    const auto again = crypto::ParseChain(crypto::RenderChain(*chain));
    if (!again.ok() || again->size() != chain->size()) __builtin_trap();
  }
  if (const auto certificate = Certificate::FromDer(text); certificate.ok()) Look(*certificate);
  [[maybe_unused]] const auto csr = crypto::ParseCsr(text);
  [[maybe_unused]] const auto key = crypto::PrivateKey::FromPem(text);
  return 0;
}
