#include "common/crypto/secret.h"

#include <openssl/crypto.h>

#include <utility>

namespace lockstep::crypto {

void Wipe(std::string& text) {
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.Move): also for one that was moved from
  text.resize(text.capacity());  // never reallocates, and makes all of the buffer ours to write
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

// A string that was moved from may still hold its bytes: a short one always does. Wiping it is the
// one thing that may be done with it.
Secret::Secret(std::string&& text) : text_(std::move(text)) {
  Wipe(text);  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move): see above
}

Secret::Secret(Secret&& other) noexcept : text_(std::move(other.text_)) {
  Wipe(other.text_);  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move): see above
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  Wipe(text_);
  text_ = std::move(other.text_);
  Wipe(other.text_);  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move): see above
  return *this;
}

bool operator==(const Secret& a, const Secret& b) {
  return a.text_.size() == b.text_.size() &&
         CRYPTO_memcmp(a.text_.data(), b.text_.data(), a.text_.size()) == 0;
}

}  // namespace lockstep::crypto
