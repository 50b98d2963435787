// Arbitrary text as a site file: none may crash, and a site that was read comes back from its own
// text form.
#include <cstddef>
#include <cstdint>

#include "controller/sites/site_file.h"
#include "tests/fuzz/text_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace fuzz = lockstep::fuzz;
  namespace sites = lockstep::controller::sites;
  const auto parsed = sites::ParseSites(fuzz::TextOf(data, size), "fuzz.toml");
  if (!parsed.ok()) {
    fuzz::RequirePrintable(parsed.status());
    return 0;
  }
  for (const auto& site : *parsed) {
    const auto again = sites::ParseSites(sites::RenderSite(site), "again.toml");
    if (!again.ok() || again->size() != 1 || !(again->front() == site)) __builtin_trap();
  }
  return 0;
}
