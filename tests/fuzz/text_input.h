// What fuzzers of text files share: the input as text, and what an error may say of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/status/status.h"

namespace lockstep::fuzz {

inline std::string_view TextOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Errors go to terminals: the bytes of a file must not get there as control characters.
inline void RequirePrintable(const Status& status) {
  for (const char c : status.message()) {
    if (c != '\n' && static_cast<unsigned char>(c) < 0x20) __builtin_trap();
  }
}

}  // namespace lockstep::fuzz
