#include "common/crypto/secret.h"

#include <openssl/crypto.h>

#include <utility>

namespace lockstep::crypto {

void Wipe(std::string& text) {
  text.resize(text.capacity());  // never reallocates, and makes all of the buffer ours to write
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

Secret::Secret(std::string&& text) : text_(std::move(text)) { Wipe(text); }

Secret::Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { Wipe(other.text_); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  Wipe(text_);
  text_ = std::move(other.text_);
  Wipe(other.text_);
  return *this;
}

bool operator==(const Secret& a, const Secret& b) {
  return a.text_.size() == b.text_.size() &&
         CRYPTO_memcmp(a.text_.data(), b.text_.data(), a.text_.size()) == 0;
}

}  // namespace lockstep::crypto
