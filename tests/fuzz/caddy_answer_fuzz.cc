// Arbitrary bytes as what Caddy and its program answer: none may crash or throw, and what is shown
// to people is one short printable line.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/drivers/caddy/admin_client.h"
#include "agent/drivers/caddy/config_id.h"
#include "agent/drivers/caddy/take_over.h"
#include "agent/drivers/caddy/version.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lockstep::agent::drivers;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)caddy::AppsOf(bytes).ok();
  const std::string text = caddy::ErrorText(bytes);
  if (text.empty() || text.size() > 403) __builtin_trap();
  for (const char c : text) {
    if (c < ' ' || c > '~') __builtin_trap();
  }
  if (const auto id = caddy::ConfigId::Parse(bytes); id && id->ToString() != bytes) {
    __builtin_trap();
  }
  (void)caddy::Version::Parse(bytes);
  return 0;
}
