// Arbitrary text as a join token: it is refused, or it is exactly what it renders to.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controller/identity/fleet_ca.h"
#include "controller/identity/join_token.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace identity = lockstep::controller::identity;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto token = identity::JoinToken::Parse(text);
  if (token.ok() && token->Render().Reveal() != text) __builtin_trap();
  const auto node = identity::ParseNodeUri(text);
  if (node.ok() && identity::NodeUri(*node) != text) __builtin_trap();
  return 0;
}
