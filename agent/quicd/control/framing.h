// Messages on a stream: four octets of length, big-endian, then the message.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep::agent::quicd::control {

inline constexpr size_t kMaxMessageBytes = 64UL << 20;

// The frame around `message`, which is at most kMaxMessageBytes.
std::string Frame(std::string_view message);

// Bytes in, messages out. What it holds may be secret: it is wiped on the way.
class Deframer {
 public:
  ~Deframer();
  void Add(std::string_view bytes);
  // The next whole message; nothing if more bytes are needed; INVALID_ARGUMENT for one that is too
  // long, after which the stream cannot be understood any more.
  Result<std::optional<std::string>> Next();

 private:
  std::string buffer_;
};

}  // namespace lockstep::agent::quicd::control
