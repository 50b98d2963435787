// Text forms of bytes, and bytes from the system's random source.
#pragma once

#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep {

// Lower-case hex, no separators.
std::string HexEncode(std::string_view bytes);
Result<std::string> HexDecode(std::string_view hex);

// base64url without padding (RFC 4648 §5), as ACME and our tokens use it.
std::string Base64UrlEncode(std::string_view bytes);
Result<std::string> Base64UrlDecode(std::string_view text);

// `count` bytes from the operating system's generator.
std::string RandomBytes(size_t count);

// Compares secrets in a time that depends on the lengths alone.
bool ConstantTimeEqual(std::string_view a, std::string_view b);

}  // namespace lockstep
