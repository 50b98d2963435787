// PURE: what a push is to a node that has seen and serves what it has.
#pragma once

#include <string>
#include <variant>

#include "agent/state/generations.h"
#include "agent/state/manifest.h"
#include "common/snapshot/version.h"
#include "common/status/status.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::apply {

// Why a push is answered without being applied.
struct Declined {
  agent::v1::Ack::Outcome outcome = agent::v1::Ack::OUTCOME_REJECTED;
  std::string reason;  // for a person
};

// The generation that `push` makes, whole and of the digest that its manifest names; or the answer:
// REJECTED if the manifest is not the controller's word to this node or the whole is not what it
// names, STALE if it is older than `seen` or a fork of it, NEED_FULL if its base is not `serving`
// (null: nothing). What has been seen and is not served may be offered again.
std::variant<state::GenerationPtr, Declined> Examine(const agent::v1::Push& push,
                                                     const snapshot::Version& seen,
                                                     const state::Generation* serving,
                                                     const state::Authority& authority);

// The version a push claims to bring; none() if it cannot be read. Says nothing about who signed.
snapshot::Version ClaimedVersion(const agent::v1::Push& push);

}  // namespace lockstep::agent::apply
