// Arbitrary text as a site file: none may crash, and a site that was read comes back from its own
// text form.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/sites/site_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace sites = lockstep::controller::sites;
  const auto parsed =
      sites::ParseSites(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.toml");
  if (!parsed.ok()) {
    const std::string message = parsed.status().message();
    for (const char c : message) {
      if (c != '\n' && static_cast<unsigned char>(c) < 0x20) __builtin_trap();
    }
    return 0;
  }
  for (const auto& site : *parsed) {
    const auto again = sites::ParseSites(sites::RenderSite(site), "again.toml");
    if (!again.ok() || again->size() != 1 || !(again->front() == site)) __builtin_trap();
  }
  return 0;
}
