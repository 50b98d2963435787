// Arbitrary bytes as an Alt-Svc value that a node answered with.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controller/edge/alt_svc.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lockstep::controller::edge;
  const auto parsed = ParseAltSvc({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) {
    if (parsed.status().message().empty()) __builtin_trap();
    return 0;
  }
  if (!parsed->clear && parsed->entries.empty()) __builtin_trap();
  for (const AltSvcEntry& entry : parsed->entries) {
    if (entry.alternative.port == 0 || entry.alternative.protocol.empty()) __builtin_trap();
  }
  // What was understood is written so that it is understood the same.
  if (!parsed->clear) {
    const auto again = ParseAltSvc(RenderAltSvc(*parsed));
    if (!again.ok() || *again != *parsed) __builtin_trap();
  }
  return 0;
}
