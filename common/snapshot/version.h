// Version: where a snapshot stands in time, and the one rule by which old never overwrites new.
#pragma once

#include <cstdint>
#include <string>

#include "common/status/status.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::snapshot {

// (epoch, generation) with the digest of the snapshot so named. Default: nothing seen yet.
struct Version {
  uint64_t epoch_counter = 0;
  std::string epoch_id;  // 16 bytes
  uint64_t generation = 0;
  std::string digest;  // 32 bytes

  bool none() const { return epoch_counter == 0; }
  // "epoch 1 generation 42".
  std::string ToString() const;
  friend bool operator==(const Version&, const Version&) = default;
};

// INVALID_ARGUMENT naming the field if the manifest is not complete.
Result<Version> VersionOf(const types::v1::Manifest& manifest);
Result<types::v1::Manifest> ParseManifest(const types::v1::SignedManifest& signed_manifest);

enum class Standing {
  kNewer,  // take it
  kSame,   // seen already, byte for byte
  kStale,  // older than what was seen: never look at it
  kFork,   // the same number with other content, or another epoch of the same counter: refuse, say
           // so
};

// How an offered version stands to the highest ever seen. A higher epoch counter always wins.
Standing Compare(const Version& seen, const Version& offered);

}  // namespace lockstep::snapshot
