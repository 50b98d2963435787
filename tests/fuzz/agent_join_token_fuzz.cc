// Arbitrary text as a join token: refused without being quoted, or taken apart completely.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/state/join_token.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto token = lockstep::agent::state::JoinToken::Parse(text);
  if (!token.ok()) return 0;
  const std::string whole = "ls1." + token->node.str() + "." + token->id + "." +
                            std::string(token->secret.Reveal()) + "." + token->ca_pin;
  if (text.find(whole) == std::string_view::npos) __builtin_trap();
  return 0;
}
