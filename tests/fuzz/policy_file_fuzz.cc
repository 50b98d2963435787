// Arbitrary text as a policy file: none may crash, and a policy that was read comes back from its
// own text form.
#include <cstddef>
#include <cstdint>

#include "controller/policy/policy_file.h"
#include "tests/fuzz/text_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace fuzz = lockstep::fuzz;
  namespace policy = lockstep::controller::policy;
  const auto parsed = policy::ParsePolicy(fuzz::TextOf(data, size), "fuzz.toml");
  if (!parsed.ok()) {
    fuzz::RequirePrintable(parsed.status());
    return 0;
  }
  const auto again = policy::ParsePolicy(policy::RenderPolicy(*parsed), "again.toml");
  if (!again.ok() || !(*again == *parsed)) __builtin_trap();
  return 0;
}
