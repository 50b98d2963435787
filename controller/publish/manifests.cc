#include "controller/publish/manifests.h"

#include <algorithm>

#include "common/crypto/key.h"

namespace lockstep::controller::publish {

const store::Start* Manifests::FindStart(const std::string& id) const {
  const auto found = std::find_if(starts_.begin(), starts_.end(),
                                  [&](const store::Start& start) { return start.id == id; });
  return found == starts_.end() ? nullptr : &*found;
}

uint64_t Manifests::LastOf(const store::Start& start) const {
  const size_t next = static_cast<size_t>(&start - starts_.data()) + 1;
  return next < starts_.size() ? starts_[next].first_generation - 1 : newest_;
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

Finding Manifests::Recognise(const NodeName& node, const types::v1::SignedManifest& seen) const {
  const auto manifest = snapshot::ParseManifest(seen);
  const auto version =
      manifest.ok() ? snapshot::VersionOf(*manifest) : Result<snapshot::Version>(manifest.status());
  if (!version.ok() || !IsSignedByUs(seen)) {
    return {Recognition::kForged, "its newest manifest is not signed by this fleet", 0};
  }
  if (manifest->node() != node.str()) {
    return {Recognition::kForged, "its newest manifest was made for node " + manifest->node(), 0};
  }
  const uint64_t counter = version->epoch_counter;
  if (counter < epoch_.counter) {
    return {Recognition::kOlder, "it last saw " + version->ToString() + ", before the recovery",
            counter};
  }
  const auto unknown = [&](const std::string& what) -> Finding {
    return {Recognition::kUnknown,
            "node " + node.str() + " has seen " + version->ToString() + ", " + what +
                ": this database is older than the fleet, or a copy of it ran elsewhere",
            counter};
  };
  if (counter > epoch_.counter || version->epoch_id != epoch_.id) {
    return unknown("which is of another incarnation");
  }
  const store::Start* start = FindStart(manifest->start_id());
  if (start == nullptr) return unknown("published by an unknown start");
  if (version->generation >= start->first_generation && version->generation <= LastOf(*start)) {
    return {Recognition::kOurs, "", counter};
  }
  return unknown(version->generation > newest_
                     ? "which was never published by this database"
                     : "a number that this database gave to another generation");
}

}  // namespace lockstep::controller::publish
