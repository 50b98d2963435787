#include "common/crypto/certificate.h"

#include <algorithm>
#include <ctime>

#include "common/base/encoding.h"
#include "common/base/ip.h"
#include "common/crypto/digest.h"
#include "common/crypto/openssl.h"

namespace lockstep::crypto {
namespace {

std::optional<WallTime> TimeOf(const ASN1_TIME* time) {
  std::tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

std::string TextOf(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string NameText(const X509_NAME* name) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  return std::string(ContentOf(bio));
}

std::string RenderAddress(const ASN1_OCTET_STRING* bytes) {
  const std::string raw = TextOf(bytes);
  sockaddr_storage storage = {};
  if (raw.size() == 4) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    std::ranges::copy(raw, reinterpret_cast<char*>(&v4->sin_addr));
  } else if (raw.size() == 16) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    std::ranges::copy(raw, reinterpret_cast<char*>(&v6->sin6_addr));
  } else {
    return HexEncode(raw);
  }
  const Result<IpAddress> address =
      IpAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage));
  return address.ok() ? address->ToString() : HexEncode(raw);
}

// The subject's alternative names of one type, in order.
std::vector<std::string> AlternativeNames(const X509* x509, int type) {
  const ErrorScope errors;
  const OwnedNames names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> out;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int actual = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &actual);
    if (actual != type) continue;
    out.push_back(type == GEN_IPADD ? RenderAddress(static_cast<const ASN1_OCTET_STRING*>(value))
                                    : TextOf(static_cast<const ASN1_STRING*>(value)));
  }
  return out;
}

bool HasUsage(X509* x509, uint32_t usage) {
  const ErrorScope errors;
  return (X509_get_extension_flags(x509) & EXFLAG_XKUSAGE) != 0 &&
         (X509_get_extended_key_usage(x509) & usage) != 0;
}

}  // namespace

Result<Certificate> Certificate::FromDer(std::string_view der) {
  const ErrorScope errors;
  const unsigned char* at = Bytes(der);
  std::shared_ptr<X509> x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
  if (!x509 || at != Bytes(der) + der.size()) return InvalidArgument("certificate is malformed");
  if (!TimeOf(X509_get0_notBefore(x509.get())) || !TimeOf(X509_get0_notAfter(x509.get()))) {
    return InvalidArgument("certificate has malformed dates");
  }
  // Reads the extensions into OpenSSL's cache, once, while nobody else has the object.
  if ((X509_get_extension_flags(x509.get()) & EXFLAG_INVALID) != 0) {
    return InvalidArgument("certificate has malformed extensions");
  }
  return Certificate(std::move(x509));
}

Result<Certificate> Certificate::FromPem(std::string_view pem) {
  LS_ASSIGN_OR_RETURN(std::vector<Certificate> chain, ParseChain(pem));
  if (chain.size() != 1) {
    return InvalidArgument("text holds " + std::to_string(chain.size()) +
                           " certificates where one is expected");
  }
  return std::move(chain[0]);
}

std::string Certificate::Pem() const {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  LS_CHECK(PEM_write_bio_X509(bio.get(), x509_.get()) == 1);
  return std::string(ContentOf(bio));
}

std::string Certificate::Der() const { return DerOf(x509_.get(), i2d_X509); }

std::string Certificate::CommonName() const {
  const ErrorScope errors;
  const X509_NAME* subject = X509_get_subject_name(x509_.get());
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return "";
  unsigned char* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (size < 0) return "";
  std::string name(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  std::ranges::replace_if(
      name, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return name;
}

std::vector<std::string> Certificate::DnsNames() const {
  std::vector<std::string> names = AlternativeNames(x509_.get(), GEN_DNS);
  for (std::string& name : names) {
    std::ranges::transform(name, name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  }
  return names;
}

std::vector<std::string> Certificate::Uris() const {
  return AlternativeNames(x509_.get(), GEN_URI);
}

std::vector<std::string> Certificate::IpAddresses() const {
  return AlternativeNames(x509_.get(), GEN_IPADD);
}

WallTime Certificate::NotBefore() const { return *TimeOf(X509_get0_notBefore(x509_.get())); }
WallTime Certificate::NotAfter() const { return *TimeOf(X509_get0_notAfter(x509_.get())); }

std::string Certificate::SerialHex() const {
  const OwnedBn number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509_.get()), nullptr));
  LS_CHECK(number != nullptr);
  std::string bytes(static_cast<size_t>(BN_num_bytes(number.get())), '\0');
  BN_bn2bin(number.get(), Bytes(bytes));
  if (bytes.empty()) return "0";
  return (BN_is_negative(number.get()) == 1 ? "-" : "") + HexEncode(bytes);
}

std::string Certificate::FingerprintSha256Hex() const { return HexEncode(Sha256(Der())); }

std::string Certificate::Issuer() const { return NameText(X509_get_issuer_name(x509_.get())); }
std::string Certificate::Subject() const { return NameText(X509_get_subject_name(x509_.get())); }

bool Certificate::IsCa() const { return (X509_get_extension_flags(x509_.get()) & EXFLAG_CA) != 0; }
bool Certificate::HasClientAuth() const { return HasUsage(x509_.get(), XKU_SSL_CLIENT); }
bool Certificate::HasServerAuth() const { return HasUsage(x509_.get(), XKU_SSL_SERVER); }

Result<PublicKey> Certificate::SubjectPublicKey() const {
  return PublicKey::FromDer(DerOf(X509_get_X509_PUBKEY(x509_.get()), i2d_X509_PUBKEY));
}

bool Certificate::PublicKeyMatches(const PrivateKey& key) const {
  const ErrorScope errors;
  EVP_PKEY* ours = X509_get0_pubkey(x509_.get());
  return ours != nullptr && EVP_PKEY_eq(ours, key.raw()) == 1;
}

bool Certificate::IsSignedBy(const Certificate& issuer) const {
  const ErrorScope errors;
  return X509_check_issued(issuer.raw(), raw()) == X509_V_OK &&
         X509_verify(raw(), X509_get0_pubkey(issuer.raw())) == 1;
}

}  // namespace lockstep::crypto
