#include "common/crypto/digest.h"

#include <openssl/hmac.h>

#include "common/crypto/openssl.h"
#include "common/status/status.h"

namespace lockstep::crypto {

std::string Sha256(std::string_view bytes) {
  std::string digest(kSha256Bytes, '\0');
  LS_CHECK(
      EVP_Digest(bytes.data(), bytes.size(), Bytes(digest), nullptr, Sha256Method(), nullptr) == 1);
  return digest;
}

std::string HmacSha256(std::string_view key, std::string_view bytes) {
  std::string digest(kSha256Bytes, '\0');
  LS_CHECK(HMAC(Sha256Method(), key.data(), static_cast<int>(key.size()), Bytes(bytes),
                bytes.size(), Bytes(digest), nullptr) != nullptr);
  return digest;
}

struct Sha256Stream::Context {
  OwnedDigest digest{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) {
  LS_CHECK(EVP_DigestInit_ex2(context_->digest.get(), Sha256Method(), nullptr) == 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::Update(std::string_view bytes) {
  LS_CHECK(EVP_DigestUpdate(context_->digest.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256Stream::Finish() {
  std::string digest(kSha256Bytes, '\0');
  LS_CHECK(EVP_DigestFinal_ex(context_->digest.get(), Bytes(digest), nullptr) == 1);
  LS_CHECK(EVP_DigestInit_ex2(context_->digest.get(), Sha256Method(), nullptr) == 1);
  return digest;
}

}  // namespace lockstep::crypto
