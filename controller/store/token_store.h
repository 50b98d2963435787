// TokenStore: the one-time tokens by which nodes join.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/status/status.h"
#include "controller/model/node.h"

namespace lockstep::controller::store {

class TokenStore {
 public:
  virtual ~TokenStore() = default;
  virtual Result<std::optional<model::JoinToken>> Find(const std::string& id) = 0;
  // Newest first.
  virtual Result<std::vector<model::JoinToken>> List() = 0;
  virtual Status Create(const model::JoinToken& token) = 0;
  // Binds the token to the key that redeemed it. Ok again for the same key, ALREADY_EXISTS for
  // another: however many ask at once, one key wins. FAILED_PRECONDITION if it was revoked.
  virtual Status Redeem(const std::string& id, const std::string& spki_sha256) = 0;
  virtual Status Revoke(const std::string& id) = 0;
  // Deletes those that expired before `time`; returns how many.
  virtual Result<size_t> Prune(WallTime time) = 0;
};

}  // namespace lockstep::controller::store
