// What a server hands out to be recognised by later: stateless-reset tokens, which are this node's
// alone, and address tokens (Retry, NEW_TOKEN), which any node of the fleet accepts.
//
// The keys are kept apart on purpose. A reset key that two nodes share is an oracle: whoever gets a
// packet to the wrong one can have any connection ended (RFC 9000 §21.11).
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "common/crypto/secret.h"
#include "common/status/status.h"

namespace lockstep::agent::quicd::cid {

inline constexpr size_t kMinSecretBytes = 32;

using ResetToken = std::array<uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN>;

// HKDF of the connection ID under the node's own key, which survives restarts.
ResetToken ResetTokenFor(const crypto::Secret& reset_key, const ngtcp2_cid& connection_id);

// A peer's address as ngtcp2 takes it.
struct Peer {
  const sockaddr* address;
  socklen_t size;
};

class AddressTokens {
 public:
  enum class Kind { kNone, kRetry, kRegular };
  struct Verdict {
    Kind kind = Kind::kNone;     // what the token claims to be
    bool valid = false;          // and is, for this peer, now
    ngtcp2_cid original_dcid{};  // of a valid Retry token
  };

  // The first secret makes tokens, all verify. INVALID_ARGUMENT without one of 32 bytes or more.
  static Result<AddressTokens> Create(std::vector<crypto::Secret> secrets, Seconds retry_lifetime,
                                      Seconds regular_lifetime);

  // Empty when the library fails. `now` is the wall clock: nodes compare their tokens' ages.
  std::vector<uint8_t> MakeRetry(uint32_t version, Peer peer, const ngtcp2_cid& retry_scid,
                                 const ngtcp2_cid& original_dcid, WallTime now) const;
  std::vector<uint8_t> MakeRegular(Peer peer, WallTime now) const;
  Verdict Verify(std::span<const uint8_t> token, uint32_t version, Peer peer,
                 const ngtcp2_cid& dcid, WallTime now) const;

 private:
  std::vector<crypto::Secret> secrets_;
  Seconds retry_lifetime_{0};
  Seconds regular_lifetime_{0};
};

}  // namespace lockstep::agent::quicd::cid
