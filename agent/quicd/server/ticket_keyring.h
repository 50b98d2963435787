// Which session-ticket key to use. All nodes share the keys; a ticket made under one that is on its
// way in or out still resumes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/quicd/server/settings.h"
#include "common/base/clock.h"
#include "common/crypto/secret.h"

namespace lockstep::agent::quicd::server {

inline constexpr size_t kTicketKeyBytes = 64;
// How long a ticket resumes. GnuTLS derives a new key from ours every three of these.
inline constexpr Seconds kTicketLifetime = std::chrono::hours(6);

class TicketKeyring {
 public:
  explicit TicketKeyring(TicketKeys keys);

  // The key that made `ticket`, or the current one if none of ours did. GnuTLS takes one key per
  // session, so that it has to be known before the ticket is read.
  const crypto::Secret& KeyFor(std::span<const uint8_t> ticket, WallTime now) const;

 private:
  std::vector<crypto::Secret> keys_;  // the current one first
};

}  // namespace lockstep::agent::quicd::server
