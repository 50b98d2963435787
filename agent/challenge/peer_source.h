// PeerSource: a challenge from another node, by a plain GET to its own address.
#pragma once

#include "agent/challenge/challenge_source.h"
#include "agent/challenge/miss_policy.h"

namespace lockstep::agent::challenge {

// The header that says "answer from disk only".
inline constexpr char kHopHeader[] = "Lockstep-Hop";

class PeerSource final : public ChallengeSource {
 public:
  explicit PeerSource(PeerAddress peer, uint16_t port = 80) : peer_(std::move(peer)), port_(port) {}
  std::string name() const override { return "peer " + peer_.node.str(); }
  Result<std::string> Fetch(const Hostname& host, const ChallengeToken& token, Micros deadline,
                            std::stop_token stop) override;

 private:
  PeerAddress peer_;
  uint16_t port_;
};

}  // namespace lockstep::agent::challenge
