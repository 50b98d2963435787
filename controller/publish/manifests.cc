#include "controller/publish/manifests.h"

#include "common/crypto/key.h"

namespace lockstep::controller::publish {

void Manifests::AddGeneration(uint64_t number, const std::string& start_id) {
  generations_.insert_or_assign(number, start_id);
}

types::v1::SignedManifest Manifests::Sign(const NodeName& node, const model::Generation& generation,
                                          const std::string& digest) const {
  types::v1::Manifest manifest;
  manifest.set_node(node.str());
  manifest.mutable_epoch()->set_counter(epoch_.counter);
  manifest.mutable_epoch()->set_id(epoch_.id);
  manifest.set_start_id(generation.start_id);
  manifest.set_generation(generation.number);
  manifest.set_digest(digest);
  types::v1::SignedManifest out;
  out.set_manifest(manifest.SerializeAsString());
  out.set_signature(ca_.Sign("manifest", out.manifest()));
  return out;
}

bool Manifests::IsSignedByUs(const types::v1::SignedManifest& seen) const {
  const auto key = ca_.certificate().SubjectPublicKey();
  return key.ok() &&
         key->Verify(identity::SignedBytes("manifest", seen.manifest()), seen.signature()).ok();
}

Recognition Manifests::Recognise(const NodeName& node, const types::v1::SignedManifest& seen,
                                 std::string* why) const {
  const auto manifest = snapshot::ParseManifest(seen);
  const auto version =
      manifest.ok() ? snapshot::VersionOf(*manifest) : Result<snapshot::Version>(manifest.status());
  if (!version.ok() || !IsSignedByUs(seen)) {
    *why = "its newest manifest is not signed by this fleet";
    return Recognition::kForged;
  }
  if (manifest->node() != node.str()) {
    *why = "its newest manifest was made for node " + manifest->node();
    return Recognition::kForged;
  }
  if (version->epoch_counter < epoch_.counter) {
    *why = "it last saw " + version->ToString() + ", before the recovery";
    return Recognition::kOlder;
  }
  const auto unknown = [&](const std::string& what) {
    *why = "node " + node.str() + " has seen " + version->ToString() + ", " + what +
           ": this database is older than the fleet, or a copy of it ran elsewhere";
    return Recognition::kUnknown;
  };
  if (version->epoch_counter > epoch_.counter || version->epoch_id != epoch_.id) {
    return unknown("which is of another incarnation");
  }
  if (!starts_.contains(manifest->start_id())) return unknown("published by an unknown start");
  const auto known = generations_.find(version->generation);
  if (known != generations_.end()) {
    if (known->second == manifest->start_id()) return Recognition::kOurs;
    return unknown("a number that this database gave to another generation");
  }
  // Old generations are pruned; numbers above all that are remembered were never given.
  if (!generations_.empty() && version->generation < generations_.begin()->first) {
    return Recognition::kOurs;
  }
  return unknown("which was never published by this database");
}

}  // namespace lockstep::controller::publish
