#include "controller/app/doors.h"

namespace lockstep::controller::app {
namespace {

fleet::Enrollment::Issued Translated(session::IdentityIssuer::Done done) {
  return [done = std::move(done)](Result<fleet::Enrollment::Identity> identity) {
    if (!identity.ok()) return done(identity.status());
    done(session::IdentityIssuer::Identity{identity->certificate_pem, identity->ca_pem,
                                           identity->pop, identity->not_after});
  };
}

}  // namespace

void IdentityDoor::Enroll(const NodeName& node, const std::string& token_id, crypto::Secret secret,
                          const std::string& csr_pem, Done done) {
  enrollment_.Enroll(node, token_id, std::string(secret.Reveal()), csr_pem,
                     Translated(std::move(done)));
}

void IdentityDoor::Renew(const NodeName& node, const std::string& csr_pem, Done done) {
  enrollment_.Renew(node, csr_pem, Translated(std::move(done)));
}

Result<std::string> ChallengeDoor::Get(const NodeName&, const Hostname& host,
                                       const ChallengeToken& token) {
  const model::Challenge* found = challenges_.Find(host, token);
  if (found == nullptr) return NotFound("no live challenge of that token for " + host.ascii());
  return found->key_authorization;
}

void HookDoor::Perform(const OrderId& order, crypto::Secret secret,
                       std::vector<model::Challenge> challenges, Done done) {
  orders_.Perform(order, std::string(secret.Reveal()), std::move(challenges), std::move(done));
}

void HookDoor::Cleanup(const OrderId& order, crypto::Secret secret, Done done) {
  orders_.Cleanup(order, std::string(secret.Reveal()), std::move(done));
}

}  // namespace lockstep::controller::app
