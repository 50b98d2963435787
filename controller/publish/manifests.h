// Manifests: signs what is pushed, and recognises what was pushed by somebody else's past or future
// (law 2: old never overwrites new).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "common/snapshot/version.h"
#include "controller/identity/fleet_ca.h"
#include "controller/model/generation.h"
#include "controller/store/meta_store.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::controller::publish {

// What an agent's highest seen manifest says about this controller's database.
enum class Recognition {
  kOurs,     // published by this database
  kOlder,    // of an earlier epoch, before a `recover`: ours wins
  kForged,   // not signed by us, or made for another node: only that node is suspect
  kUnknown,  // signed by us and not in our books: the database was restored from a backup
};

struct Finding {
  Recognition what = Recognition::kForged;
  std::string why;             // for an operator; empty if it is ours
  uint64_t epoch_counter = 0;  // the manifest's; 0 if it was forged
};

class Manifests {
 public:
  Manifests(const identity::FleetCa& ca, model::Epoch epoch) : ca_(ca), epoch_(std::move(epoch)) {}

  // Every start this database ever had, oldest first. Each published all numbers from its first one
  // up to the next start's, so this alone says who published what, pruned generations included.
  void SetStarts(std::vector<store::Start> starts) { starts_ = std::move(starts); }
  // A number was given. What is above the newest was never published.
  void NoteGiven(uint64_t number) { newest_ = std::max(newest_, number); }

  types::v1::SignedManifest Sign(const NodeName& node, const model::Generation& generation,
                                 const std::string& digest) const;

  Finding Recognise(const NodeName& node, const types::v1::SignedManifest& seen) const;

  const model::Epoch& epoch() const { return epoch_; }

 private:
  bool IsSignedByUs(const types::v1::SignedManifest& seen) const;
  // Null for a start that this database does not know.
  const store::Start* FindStart(const std::string& id) const;
  // The last number that it may have given.
  uint64_t LastOf(const store::Start& start) const;

  const identity::FleetCa& ca_;
  const model::Epoch epoch_;
  std::vector<store::Start> starts_;
  uint64_t newest_ = 0;
};

}  // namespace lockstep::controller::publish
