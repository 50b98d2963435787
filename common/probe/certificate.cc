#include "common/probe/certificate.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string_view>

#include "common/base/encoding.h"

namespace lockstep::probe {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, Deleter<ASN1_TIME_free>>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string Sha256Hex(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(Bytes(bytes), bytes.size(), digest);
  return HexEncode({reinterpret_cast<const char*>(digest), sizeof digest});
}

std::string SerialHex(const X509* leaf) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(leaf);
  return HexEncode({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                    static_cast<size_t>(ASN1_STRING_length(serial))});
}

// The epoch for a time that cannot be read.
WallTime ToWallTime(const ASN1_TIME* time) {
  const TimePtr epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return {};
  return WallTime(std::chrono::hours(24) * days + Seconds(seconds));
}

std::vector<std::string> DnsNames(const X509* leaf) {
  std::vector<std::string> out;
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  if (!names) return out;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    out.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                     static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  return out;
}

}  // namespace

Status ObserveChain(const std::vector<std::string>& chain, CertificateObservation* out) {
  *out = {};
  if (chain.empty()) return Unavailable("no certificate was shown");
  for (size_t i = 1; i < chain.size(); ++i) out->chain_sha256.push_back(Sha256Hex(chain[i]));
  const unsigned char* cursor = Bytes(chain.front());
  const X509Ptr leaf(d2i_X509(nullptr, &cursor, static_cast<long>(chain.front().size())));
  // What the parser leaves in this thread's error queue must not surface in a later TLS call.
  ERR_clear_error();
  if (!leaf || cursor != Bytes(chain.front()) + chain.front().size()) {
    return DataLoss("the leaf certificate shown is no X.509 certificate");
  }
  out->leaf_sha256 = Sha256Hex(chain.front());
  out->serial = SerialHex(leaf.get());
  out->not_before = ToWallTime(X509_get0_notBefore(leaf.get()));
  out->not_after = ToWallTime(X509_get0_notAfter(leaf.get()));
  out->dns_names = DnsNames(leaf.get());
  ERR_clear_error();
  return Status::Ok();
}

}  // namespace lockstep::probe
