// Arbitrary text as a policy file: none may crash, and a policy that was read comes back from its
// own text form.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/policy/policy_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace policy = lockstep::controller::policy;
  const auto parsed =
      policy::ParsePolicy(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.toml");
  if (!parsed.ok()) {
    const std::string message = parsed.status().message();
    for (const char c : message) {
      if (c != '\n' && static_cast<unsigned char>(c) < 0x20) __builtin_trap();
    }
    return 0;
  }
  const auto again = policy::ParsePolicy(policy::RenderPolicy(*parsed), "again.toml");
  if (!again.ok() || !(*again == *parsed)) __builtin_trap();
  return 0;
}
