// The keys that every lockstep-quicd of the fleet shares. All of them are secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace lockstep::controller::model {

inline constexpr size_t kConnectionIdKeyBytes = 16;
inline constexpr size_t kTokenKeyBytes = 32;
inline constexpr size_t kTicketKeyBytes = 64;

struct QuicKey {
  std::string bytes;  // secret
  WallTime created_at;
  friend bool operator==(const QuicKey&, const QuicKey&) = default;
};

// A `next` key is on every node before any node makes something with it: what a node makes, each
// other one can read.
struct QuicKeys {
  uint32_t connection_id_config = 0;  // 0-6: the codepoint in connection IDs
  QuicKey connection_id;              // 16 octets
  QuicKey token_current;              // 32 octets, like its siblings
  std::optional<QuicKey> token_previous;
  std::optional<QuicKey> token_next;  // only while one is on its way to becoming current
  QuicKey ticket_current;             // 64 octets, like its siblings
  std::optional<QuicKey> ticket_previous;
  QuicKey ticket_next;
  // When the current ones became it.
  WallTime token_current_since;
  WallTime ticket_current_since;
  friend bool operator==(const QuicKeys&, const QuicKeys&) = default;
};

}  // namespace lockstep::controller::model
