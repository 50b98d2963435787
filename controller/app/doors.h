// Doors: the interfaces that the service rooms ask for, over the domain.
#pragma once

#include <string>

#include "controller/certs/orders.h"
#include "controller/challenges/challenges.h"
#include "controller/fleet/enrollment.h"
#include "controller/hookapi/hook_server.h"
#include "controller/session/backend.h"

namespace lockstep::controller::app {

class IdentityDoor final : public session::IdentityIssuer {
 public:
  explicit IdentityDoor(fleet::Enrollment& enrollment) : enrollment_(enrollment) {}
  void Enroll(const NodeName& node, const std::string& token_id, crypto::Secret secret,
              const std::string& csr_pem, Done done) override;
  void Renew(const NodeName& node, const std::string& csr_pem, Done done) override;

 private:
  fleet::Enrollment& enrollment_;
};

class ChallengeDoor final : public session::ChallengeLookup {
 public:
  explicit ChallengeDoor(const challenges::Challenges& challenges) : challenges_(challenges) {}
  Result<std::string> Get(const NodeName& node, const Hostname& host,
                          const ChallengeToken& token) override;

 private:
  const challenges::Challenges& challenges_;
};

class HookDoor final : public hookapi::HookEvents {
 public:
  explicit HookDoor(certs::Orders& orders) : orders_(orders) {}
  void Perform(const OrderId& order, crypto::Secret secret,
               std::vector<model::Challenge> challenges, Done done) override;
  void Cleanup(const OrderId& order, crypto::Secret secret, Done done) override;

 private:
  certs::Orders& orders_;
};

}  // namespace lockstep::controller::app
