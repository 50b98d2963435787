// The challenges that live now, parsed once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/names.h"
#include "common/status/status.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::challenge {

struct Challenge {
  OrderId order;
  Hostname host;
  ChallengeToken token;
  std::string key_authorization;  // token "." thumbprint; not to be logged
  friend bool operator==(const Challenge&, const Challenge&) = default;
};

struct LiveSet {
  uint64_t sequence = 0;
  Micros lease{0};
  std::vector<Challenge> challenges;
};

// INVALID_ARGUMENT naming the field; also for two challenges of one token with different contents,
// which one file cannot serve.
Result<LiveSet> ParseLaneSet(const agent::v1::LaneSet& set);

// True if `text` is token "." thumbprint, the thumbprint a base64url SHA-256.
bool IsKeyAuthorization(std::string_view text, const ChallengeToken& token);

// Those of `before` whose (host, token) is not in `after`.
std::vector<Challenge> Gone(const std::vector<Challenge>& before,
                            const std::vector<Challenge>& after);

// Whether the observation shows `challenge`'s bytes with status 200.
bool ShowsOurBytes(const Challenge& challenge, const types::v1::Observation& seen);

}  // namespace lockstep::agent::challenge
