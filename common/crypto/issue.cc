#include "common/crypto/issue.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/crypto/openssl.h"

namespace lockstep::crypto {
namespace {

constexpr size_t kMaxCsrBytes = size_t{16} << 10;
constexpr size_t kMaxCommonName = 64;  // ub-common-name, RFC 5280 appendix A.1
constexpr size_t kSerialBytes = 16;

void SetCommonName(X509_NAME* name, std::string_view text) {
  LS_CHECK(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, Bytes(text),
                                      static_cast<int>(text.size()), -1, 0) == 1);
}

// Extensions whose text is ours alone; names never go this way, since it has a syntax.
void AddFixedExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const OwnedExtension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  LS_CHECK(extension != nullptr);
  LS_CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
}

void AddName(GENERAL_NAMES* names, int type, std::string_view bytes) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_STRING* value = type == GEN_IPADD ? static_cast<ASN1_STRING*>(ASN1_OCTET_STRING_new())
                                         : static_cast<ASN1_STRING*>(ASN1_IA5STRING_new());
  LS_CHECK(ASN1_STRING_set(value, bytes.data(), static_cast<int>(bytes.size())) == 1);
  GENERAL_NAME_set0_value(name, type, value);
  LS_CHECK(sk_GENERAL_NAME_push(names, name) > 0);
}

void AddAlternativeNames(X509* certificate, const LeafProfile& profile) {
  const OwnedNames names(sk_GENERAL_NAME_new_null());
  for (const std::string& name : profile.dns_names) AddName(names.get(), GEN_DNS, name);
  for (const IpAddress& address : profile.ip_addresses) {
    AddName(names.get(), GEN_IPADD, address.Bytes());
  }
  if (!profile.uri.empty()) AddName(names.get(), GEN_URI, profile.uri);
  if (sk_GENERAL_NAME_num(names.get()) == 0) return;
  LS_CHECK(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1);
}

void AddUsages(X509* certificate, const LeafProfile& profile) {
  const OwnedUsage usages(EXTENDED_KEY_USAGE_new());
  if (profile.client_auth) sk_ASN1_OBJECT_push(usages.get(), OBJ_nid2obj(NID_client_auth));
  if (profile.server_auth) sk_ASN1_OBJECT_push(usages.get(), OBJ_nid2obj(NID_server_auth));
  if (sk_ASN1_OBJECT_num(usages.get()) == 0) return;
  LS_CHECK(X509_add1_ext_i2d(certificate, NID_ext_key_usage, usages.get(), 0, 0) == 1);
}

void SetSerial(X509* certificate) {
  const std::string bytes = RandomBytes(kSerialBytes);
  const OwnedBn number(BN_bin2bn(Bytes(bytes), static_cast<int>(bytes.size()), nullptr));
  LS_CHECK(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void SetDates(X509* certificate, WallTime not_before, WallTime not_after) {
  const auto seconds = [](WallTime time) {
    return std::chrono::floor<Seconds>(time).time_since_epoch().count();
  };
  LS_CHECK(ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(not_before)) != nullptr);
  LS_CHECK(ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(not_after)) != nullptr);
}

std::shared_ptr<X509> NewCertificate(WallTime not_before, WallTime not_after) {
  std::shared_ptr<X509> certificate(X509_new(), X509_free);
  LS_CHECK(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  SetSerial(certificate.get());
  SetDates(certificate.get(), not_before, not_after);
  return certificate;
}

// Signs, and reads back what was made: what leaves here parses everywhere.
Result<Certificate> Seal(const std::shared_ptr<X509>& certificate, const PrivateKey& key) {
  LS_CHECK(X509_sign(certificate.get(), key.raw(), EVP_sha256()) > 0);
  return Certificate::FromDer(DerOf(certificate.get(), i2d_X509));
}

bool IsIa5(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

Status CheckProfile(const LeafProfile& profile) {
  if (profile.common_name.empty() || profile.common_name.size() > kMaxCommonName) {
    return InvalidArgument("common name " + Quoted(profile.common_name) +
                           " must have 1 to 64 characters");
  }
  for (const std::string& name : profile.dns_names) {
    if (name.empty() || !IsIa5(name)) {
      return InvalidArgument("DNS name " + Quoted(name) + " cannot go into a certificate");
    }
  }
  if (!IsIa5(profile.uri)) {
    return InvalidArgument("URI " + Quoted(profile.uri) + " cannot go into a certificate");
  }
  if (profile.lifetime <= Micros(0)) return InvalidArgument("certificate has no lifetime");
  return Status::Ok();
}

}  // namespace

std::string MakeCsr(const PrivateKey& key, std::string_view common_name) {
  const OwnedRequest request(X509_REQ_new());
  LS_CHECK(X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1);
  SetCommonName(X509_REQ_get_subject_name(request.get()), common_name.substr(0, kMaxCommonName));
  LS_CHECK(X509_REQ_set_pubkey(request.get(), key.raw()) == 1);
  LS_CHECK(X509_REQ_sign(request.get(), key.raw(), EVP_sha256()) > 0);
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  LS_CHECK(PEM_write_bio_X509_REQ(bio.get(), request.get()) == 1);
  return std::string(ContentOf(bio));
}

Result<Csr> ParseCsr(std::string_view text) {
  const ErrorScope errors;
  if (text.size() > kMaxCsrBytes)
    return InvalidArgument("certificate request is longer than 16 KiB");
  const OwnedBio bio = ReadFrom(text);
  const OwnedRequest request(text.find("-----BEGIN") != std::string_view::npos
                                 ? PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr)
                                 : d2i_X509_REQ_bio(bio.get(), nullptr));
  if (!request) return InvalidArgument("certificate request is malformed");
  Result<PublicKey> key =
      PublicKey::FromDer(DerOf(X509_REQ_get_X509_PUBKEY(request.get()), i2d_X509_PUBKEY));
  if (!key.ok()) return key.status().Prefixed("certificate request");
  if (X509_REQ_verify(request.get(), key->raw()) != 1) {
    return InvalidArgument("certificate request is not signed by its own key");
  }
  std::string common_name(kMaxCommonName + 1, '\0');
  const int size =
      X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request.get()), NID_commonName,
                                common_name.data(), static_cast<int>(common_name.size()));
  common_name.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return Csr{.public_key = std::move(key).value(), .common_name = std::move(common_name)};
}

Result<Certificate> SelfSignedCa(const PrivateKey& key, std::string_view name, Micros lifetime,
                                 WallTime now) {
  if (name.empty() || name.size() > kMaxCommonName) {
    return InvalidArgument("CA name " + Quoted(name) + " must have 1 to 64 characters");
  }
  const std::shared_ptr<X509> ca = NewCertificate(now, now + lifetime);
  SetCommonName(X509_get_subject_name(ca.get()), name);
  SetCommonName(X509_get_issuer_name(ca.get()), name);
  LS_CHECK(X509_set_pubkey(ca.get(), key.raw()) == 1);
  AddFixedExtension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  AddFixedExtension(ca.get(), ca.get(), NID_key_usage,
                    "critical,digitalSignature,keyCertSign,cRLSign");
  AddFixedExtension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
  return Seal(ca, key);
}

Result<Certificate> IssueCertificate(const Certificate& ca, const PrivateKey& ca_key,
                                     const PublicKey& subject, const LeafProfile& profile) {
  LS_RETURN_IF_ERROR(CheckProfile(profile));
  if (!ca.IsCa() || !ca.PublicKeyMatches(ca_key)) {
    return FailedPrecondition("the CA certificate does not match the CA key");
  }
  if (profile.not_before < ca.NotBefore() || profile.not_before >= ca.NotAfter()) {
    return FailedPrecondition("the CA certificate is valid from " + FormatTime(ca.NotBefore()) +
                              " to " + FormatTime(ca.NotAfter()) + ", not at " +
                              FormatTime(profile.not_before));
  }
  const std::shared_ptr<X509> leaf = NewCertificate(
      profile.not_before, std::min(profile.not_before + profile.lifetime, ca.NotAfter()));
  SetCommonName(X509_get_subject_name(leaf.get()), profile.common_name);
  LS_CHECK(X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.raw())) == 1);
  LS_CHECK(X509_set_pubkey(leaf.get(), subject.raw()) == 1);
  AddFixedExtension(leaf.get(), ca.raw(), NID_basic_constraints, "critical,CA:FALSE");
  AddFixedExtension(leaf.get(), ca.raw(), NID_key_usage, "critical,digitalSignature");
  AddUsages(leaf.get(), profile);
  AddAlternativeNames(leaf.get(), profile);
  AddFixedExtension(leaf.get(), ca.raw(), NID_subject_key_identifier, "hash");
  AddFixedExtension(leaf.get(), ca.raw(), NID_authority_key_identifier, "keyid:always");
  return Seal(leaf, ca_key);
}

}  // namespace lockstep::crypto
