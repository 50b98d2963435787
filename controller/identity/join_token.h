// One-time tokens by which a node joins, and who may redeem one.
#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/names.h"
#include "common/crypto/secret.h"
#include "common/status/status.h"
#include "controller/model/node.h"

namespace lockstep::controller::identity {

inline constexpr Micros kTokenLifetime = std::chrono::minutes(10);

// The text form: "ls1.<node>.<id>.<secret>.<ca pin>". The id (16 hex digits) is no secret; the
// secret is 192 random bits and the pin the SHA-256 of the CA's SPKI, both base64url.
struct JoinToken {
  NodeName node = {};
  std::string id = {};
  crypto::Secret secret;
  std::string ca_pin = {};

  // Never quotes the text in its errors.
  static Result<JoinToken> Parse(std::string_view text);
  crypto::Secret Render() const;
};

struct NewTokenResult {
  JoinToken token;          // shown once
  model::JoinToken record;  // stored: enough to check it, not enough to use it
};
NewTokenResult NewToken(const NodeName& node, const PopName& pop, std::string_view ca_pin,
                        WallTime now, Micros lifetime = kTokenLifetime);

enum class Redemption {
  kIssue,  // the caller stores used_by_spki_sha256 before it replies
  kAlreadyUsedByAnotherKey,
  kExpired,
  kRevoked,
  kUnknown,  // no such id
  kWrong,    // the secret does not belong to the id
};

// Pure. The same key may redeem again while the token has not expired, so that a lost reply burns
// nothing. Nothing but kUnknown and kWrong is told to somebody without the secret.
Redemption Redeem(const model::JoinToken* record, std::string_view secret,
                  std::string_view csr_spki_sha256, WallTime now);

// The status a refused node gets; ok for kIssue.
Status ToStatus(Redemption redemption);

}  // namespace lockstep::controller::identity
