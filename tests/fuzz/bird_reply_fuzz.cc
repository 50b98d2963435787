// Arbitrary bytes as BIRD's reply: none may crash, a reply has a line, and a name that is taken
// into a command is a symbol.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/drivers/bird/protocols.h"
#include "agent/drivers/bird/reply.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lockstep::agent::drivers;
  const auto reply = bird::ParseReply({reinterpret_cast<const char*>(data), size});
  if (!reply.ok() || !*reply) return 0;
  if ((*reply)->lines.empty()) __builtin_trap();
  (void)(*reply)->ToStatus().ok();
  for (const bird::Protocol& protocol : bird::ParseProtocols(**reply)) {
    if (bird::IsSymbol(protocol.name) &&
        protocol.name.find_first_of(" \t\n\"';") != std::string::npos) {
      __builtin_trap();
    }
    (void)protocol.ToString();
  }
  return 0;
}
