// Arbitrary bytes as the messages of one stream: none may crash, and the limits hold.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/frame/assembler.h"

// Input: messages, each with its length before it as two bytes little-endian.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using lockstep::agent::v1::AgentMessage;
  constexpr lockstep::frame::Limits kLimits{.total_bytes = 4096, .transfers = 2};
  lockstep::frame::Inbox<AgentMessage> inbox(kLimits);
  lockstep::frame::Assembler assembler(kLimits);
  while (size >= 2) {
    const size_t length = std::min<size_t>(data[0] + 256U * data[1], size - 2);
    AgentMessage message;
    if (message.ParseFromArray(data + 2, static_cast<int>(length))) {
      if (message.has_chunk()) {
        if (!assembler.Take(message.chunk()).ok()) return 0;
        if (assembler.held_bytes() > kLimits.total_bytes ||
            assembler.unfinished() > kLimits.transfers) {
          __builtin_trap();
        }
      }
      if (!inbox.Take(std::move(message)).ok()) return 0;
    }
    data += 2 + length;
    size -= 2 + length;
  }
  return 0;
}
