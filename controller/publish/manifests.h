// Manifests: signs what is pushed, and recognises what was pushed by somebody else's past or future
// (law 2: old never overwrites new).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "common/snapshot/version.h"
#include "controller/identity/fleet_ca.h"
#include "controller/model/generation.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::controller::publish {

// What an agent's highest seen manifest says about this controller's database.
enum class Recognition {
  kOurs,     // published by this database
  kOlder,    // of an earlier epoch, before a `recover`: ours wins
  kForged,   // not signed by us, or made for another node: only that node is suspect
  kUnknown,  // signed by us and not in our books: the database was restored from a backup
};

class Manifests {
 public:
  Manifests(const identity::FleetCa& ca, model::Epoch epoch) : ca_(ca), epoch_(std::move(epoch)) {}

  // Every start this database ever had.
  void AddStart(const std::string& start_id) { starts_.insert(start_id); }
  // Every generation it still remembers, with the start that published it.
  void AddGeneration(uint64_t number, const std::string& start_id);

  types::v1::SignedManifest Sign(const NodeName& node, const model::Generation& generation,
                                 const std::string& digest) const;

  // `why` gets words for an operator unless it is ours.
  Recognition Recognise(const NodeName& node, const types::v1::SignedManifest& seen,
                        std::string* why) const;

  const model::Epoch& epoch() const { return epoch_; }

 private:
  bool IsSignedByUs(const types::v1::SignedManifest& seen) const;

  const identity::FleetCa& ca_;
  const model::Epoch epoch_;
  std::set<std::string> starts_;
  std::map<uint64_t, std::string> generations_;  // number -> start id
};

}  // namespace lockstep::controller::publish
