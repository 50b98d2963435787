// Arbitrary bytes as a push: it is taken apart, never taken without the CA's signature, and what a
// snapshot of its resources would mean is said or refused.
#include <cstddef>
#include <cstdint>

#include "agent/apply/intake.h"
#include "agent/reconcile/desired.h"
#include "common/crypto/issue.h"
#include "common/crypto/key.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace agent = lockstep::agent;
  static const agent::state::Authority authority = [] {
    const auto key = lockstep::crypto::PrivateKey::GenerateP256();
    return agent::state::Authority{
        *lockstep::NodeName::Parse("fra1"),
        *lockstep::crypto::SelfSignedCa(key, "fuzz", std::chrono::hours(24),
                                        lockstep::Clock::System().Now())};
  }();
  agent::v1::Push push;
  if (!push.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto examined = agent::apply::Examine(push, {}, nullptr, authority);
  if (!std::holds_alternative<agent::apply::Declined>(examined)) __builtin_trap();
  (void)agent::apply::ClaimedVersion(push);
  lockstep::snapshot::Snapshot snapshot;
  for (const auto& resource : push.upserts()) {
    snapshot.Put({resource.type(), resource.name()}, resource.body());
  }
  (void)agent::reconcile::ParseDesired(snapshot);
  return 0;
}
