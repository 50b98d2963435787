// Messages on a stream: four octets of length, big-endian, then the message.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep::frame {

inline constexpr size_t kMaxPrefixedBytes = 64UL << 20;

// The frame around `message`, which is at most kMaxPrefixedBytes.
std::string Prefixed(std::string_view message);

// Bytes in, messages out. What it holds may be secret: it is wiped on the way.
class PrefixedReader {
 public:
  explicit PrefixedReader(size_t max_bytes = kMaxPrefixedBytes) : max_bytes_(max_bytes) {}
  ~PrefixedReader();
  void Add(std::string_view bytes);
  // The next whole message; nothing if more bytes are needed; INVALID_ARGUMENT for one that is too
  // long, after which the stream cannot be understood any more.
  Result<std::optional<std::string>> Next();

 private:
  const size_t max_bytes_;  // of one message
  std::string buffer_;
};

}  // namespace lockstep::frame
