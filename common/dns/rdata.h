// Reading a record's data: bytes of strangers, taken from the front, never past the end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lockstep::dns {

class RdataReader {
 public:
  explicit RdataReader(std::string_view bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  // Each takes its bytes or, if there are too few, nothing at all.
  std::optional<uint8_t> TakeUint8();
  std::optional<uint16_t> TakeUint16();
  std::optional<std::string_view> TakeBytes(size_t count);
  // A domain name without compression (RFC 1035 §3.1), as text: lower case, no final dot, "." for
  // the root, bytes other than letters, digits, '-' and '_' as \DDD.
  std::optional<std::string> TakeName();

 private:
  std::string_view rest_;
};

}  // namespace lockstep::dns
