// ControllerSource: a challenge that this node lacks, from the controller.
#pragma once

#include "agent/challenge/challenge_source.h"
#include "agent/session/controller_link.h"

namespace lockstep::agent::session {

class ControllerSource final : public challenge::ChallengeSource {
 public:
  explicit ControllerSource(ControllerLink& link) : link_(link) {}
  std::string name() const override { return "controller"; }
  Result<std::string> Fetch(const Hostname& host, const ChallengeToken& token, Micros deadline,
                            std::stop_token stop) override;

 private:
  ControllerLink& link_;
};

}  // namespace lockstep::agent::session
