#include "common/snapshot/version.h"

namespace lockstep::snapshot {

std::string Version::ToString() const {
  if (none()) return "nothing";
  return "epoch " + std::to_string(epoch_counter) + " generation " + std::to_string(generation);
}

Result<Version> VersionOf(const types::v1::Manifest& manifest) {
  if (manifest.epoch().counter() == 0) return InvalidArgument("manifest.epoch.counter is missing");
  if (manifest.epoch().id().size() != 16)
    return InvalidArgument("manifest.epoch.id is not 16 bytes");
  if (manifest.start_id().size() != 16) return InvalidArgument("manifest.start_id is not 16 bytes");
  if (manifest.generation() == 0) return InvalidArgument("manifest.generation is missing");
  if (manifest.digest().size() != 32) return InvalidArgument("manifest.digest is not 32 bytes");
  if (manifest.node().empty()) return InvalidArgument("manifest.node is missing");
  return Version{manifest.epoch().counter(), manifest.epoch().id(), manifest.generation(),
                 manifest.digest()};
}

Result<types::v1::Manifest> ParseManifest(const types::v1::SignedManifest& signed_manifest) {
  types::v1::Manifest manifest;
  if (!manifest.ParseFromString(signed_manifest.manifest())) {
    return InvalidArgument("signed manifest does not parse");
  }
  return manifest;
}

Standing Compare(const Version& seen, const Version& offered) {
  if (seen.none()) return Standing::kNewer;
  if (offered.epoch_counter != seen.epoch_counter) {
    return offered.epoch_counter > seen.epoch_counter ? Standing::kNewer : Standing::kStale;
  }
  if (offered.epoch_id != seen.epoch_id) return Standing::kFork;
  if (offered.generation != seen.generation) {
    return offered.generation > seen.generation ? Standing::kNewer : Standing::kStale;
  }
  return offered.digest == seen.digest ? Standing::kSame : Standing::kFork;
}

}  // namespace lockstep::snapshot
