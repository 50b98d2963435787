// Generations: what this node was told to serve, and the highest it has ever seen, on disk.
//
//   <dir>/seen.pb                   the signed manifest of the highest ever accepted
//   <dir>/generations/              fsutil::GenerationStore; each generation is one file, push.pb:
//                                   the whole push (agent.v1.Push) that would make it, kept 0600
//                                   since it holds private keys
//   CURRENT  the newest that was applied and proved
//   LKG      the newest that also survived its soak
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/state/manifest.h"
#include "common/fsutil/generation_store.h"
#include "common/snapshot/snapshot.h"
#include "common/snapshot/version.h"
#include "common/status/status.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::agent::state {

// A snapshot with the manifest that vouches for it. Immutable, shared between threads.
struct Generation {
  snapshot::Version version;
  types::v1::SignedManifest manifest;
  snapshot::Snapshot snapshot;
};
using GenerationPtr = std::shared_ptr<const Generation>;

// One thread at a time.
class Generations {
 public:
  // Makes the directories (0700) if need be. `authority` says whose signature counts.
  static Result<Generations> Open(const std::string& directory, Authority authority);

  // The highest ever accepted. Everything on disk counts: a lost seen.pb does not make it forget.
  const snapshot::Version& seen() const { return seen_; }
  // Absent on a fresh node.
  const std::optional<types::v1::SignedManifest>& seen_manifest() const { return seen_manifest_; }

  // Remembers `manifest` as seen before anything of it is looked at. Only grows: an older one is
  // FAILED_PRECONDITION and changes nothing.
  Status MarkSeen(const types::v1::SignedManifest& manifest);

  // Keeps a generation; intact or not there.
  Status Save(const Generation& generation);
  // It could not be served: nothing may ever start from it.
  void Forget(const snapshot::Version& version);
  // It is served and proved: the next start begins with it. Forgets all but the last known good, it
  // and the two before it.
  Status MarkCurrent(const snapshot::Version& version);
  // It survived its soak.
  Status MarkLastKnownGood(const snapshot::Version& version);

  // What may be served without a controller, best first: CURRENT, LKG, then the others not newer
  // than CURRENT, newest first. Each is intact, of the digest that its manifest names, and signed
  // for this node; what is not is left out and logged.
  std::vector<GenerationPtr> ListServable() const;
  // All that are intact, newest first: also one that was staged and not proved.
  std::vector<GenerationPtr> ListHeld() const;

 private:
  Generations(std::string directory, Authority authority, fsutil::GenerationStore store)
      : directory_(std::move(directory)),
        authority_(std::move(authority)),
        store_(std::move(store)) {}
  Result<GenerationPtr> Load(fsutil::GenerationId id) const;
  std::vector<GenerationPtr> LoadIntact(const std::vector<fsutil::GenerationId>& ids) const;
  void RecallSeen();
  std::optional<fsutil::GenerationId> Pointer(std::string_view name) const;

  std::string directory_;
  Authority authority_;
  fsutil::GenerationStore store_;
  snapshot::Version seen_;
  std::optional<types::v1::SignedManifest> seen_manifest_;
};

}  // namespace lockstep::agent::state
