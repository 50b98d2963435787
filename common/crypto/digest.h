// SHA-256 and HMAC-SHA-256.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace lockstep::crypto {

inline constexpr size_t kSha256Bytes = 32;

// 32 raw bytes.
std::string Sha256(std::string_view bytes);
std::string HmacSha256(std::string_view key, std::string_view bytes);

// SHA-256 of what comes in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void Update(std::string_view bytes);
  // 32 raw bytes; the stream starts anew.
  std::string Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace lockstep::crypto
