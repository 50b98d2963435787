#include "common/crypto/key.h"

#include <openssl/ec.h>

#include <array>

#include "common/crypto/digest.h"
#include "common/crypto/openssl.h"

namespace lockstep::crypto {
namespace {

constexpr size_t kMaxKeyBytes = size_t{64} << 10;
constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 8192;  // beyond that one signature check is a denial of service

Status CheckKind(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "EC") == 1) {
    std::array<char, 32> group{};
    EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr);
    const std::string_view name = group.data();
    if (name == "prime256v1" || name == "secp384r1" || name == "secp521r1") return Status::Ok();
    return InvalidArgument("EC key is on none of the curves P-256, P-384, P-521");
  }
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= kLeastRsaBits && bits <= kMostRsaBits) return Status::Ok();
    return InvalidArgument("RSA key has " + std::to_string(bits) + " bits: 2048 to 8192 are taken");
  }
  return InvalidArgument("key is neither EC nor RSA");
}

size_t CountOf(std::string_view needle, std::string_view text) {
  size_t count = 0;
  for (size_t at = text.find(needle); at != std::string_view::npos; at = text.find(needle, at + 1))
    ++count;
  return count;
}

// Instead of OpenSSL's own, which asks on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

std::shared_ptr<EVP_PKEY> Share(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

}  // namespace

Result<PublicKey> PublicKey::FromDer(std::string_view der) {
  const ErrorScope errors;
  if (der.size() > kMaxKeyBytes) return InvalidArgument("public key is too long");
  const unsigned char* at = Bytes(der);
  std::shared_ptr<EVP_PKEY> key = Share(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != Bytes(der) + der.size()) return InvalidArgument("public key is malformed");
  LS_RETURN_IF_ERROR(CheckKind(key.get()));
  return PublicKey(std::move(key));
}

std::string PublicKey::Der() const { return DerOf(key_.get(), i2d_PUBKEY); }

std::string PublicKey::SpkiSha256() const { return Sha256(Der()); }

Status PublicKey::Verify(std::string_view bytes, std::string_view signature) const {
  const ErrorScope errors;
  const OwnedDigest context(EVP_MD_CTX_new());
  if (EVP_DigestVerifyInit(context.get(), nullptr, Sha256Method(), nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(bytes),
                       bytes.size()) == 1) {
    return Status::Ok();
  }
  return Unauthenticated("signature is not of this key");
}

bool operator==(const PublicKey& a, const PublicKey& b) {
  const ErrorScope errors;
  return EVP_PKEY_eq(a.raw(), b.raw()) == 1;
}

PrivateKey PrivateKey::GenerateP256() {
  std::shared_ptr<EVP_PKEY> key = Share(EVP_EC_gen("P-256"));
  LS_CHECK(key != nullptr);
  return PrivateKey(std::move(key));
}

Result<PrivateKey> PrivateKey::FromPem(std::string_view pem) {
  const ErrorScope errors;
  if (pem.size() > kMaxKeyBytes) return InvalidArgument("private key is too long");
  const size_t blocks = CountOf("PRIVATE KEY-----", pem) / 2;  // BEGIN and END
  if (blocks != 1) {
    return InvalidArgument("private key text holds " + std::to_string(blocks) +
                           " PEM keys: exactly one is needed");
  }
  if (pem.find("ENCRYPTED") != std::string_view::npos) {
    return InvalidArgument("private key is under a passphrase: remove it (openssl pkey)");
  }
  const OwnedBio bio = ReadFrom(pem);
  std::shared_ptr<EVP_PKEY> key =
      Share(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (!key) return InvalidArgument("private key is malformed");
  LS_RETURN_IF_ERROR(CheckKind(key.get()));
  return PrivateKey(std::move(key));
}

Secret PrivateKey::ToPem() const {
  const OwnedBio bio(BIO_new(BIO_s_secmem()));
  LS_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                         nullptr) == 1);
  return Secret::CopyOf(ContentOf(bio));
}

std::string PrivateKey::Sign(std::string_view bytes) const {
  const OwnedDigest context(EVP_MD_CTX_new());
  size_t size = 0;
  LS_CHECK(EVP_DigestSignInit(context.get(), nullptr, Sha256Method(), nullptr, key_.get()) == 1);
  LS_CHECK(EVP_DigestSign(context.get(), nullptr, &size, Bytes(bytes), bytes.size()) == 1);
  std::string signature(size, '\0');
  LS_CHECK(EVP_DigestSign(context.get(), Bytes(signature), &size, Bytes(bytes), bytes.size()) == 1);
  signature.resize(size);
  return signature;
}

PublicKey PrivateKey::Public() const {
  // The same object would let the private part live on in the copy; only the public part goes over.
  Result<PublicKey> key = PublicKey::FromDer(DerOf(key_.get(), i2d_PUBKEY));
  LS_CHECK(key.ok());
  return std::move(key).value();
}

}  // namespace lockstep::crypto
