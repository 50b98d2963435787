#include "agent/apply/intake.h"

#include <memory>
#include <utility>

#include "common/snapshot/snapshot.h"

namespace lockstep::agent::apply {
namespace {

using agent::v1::Ack;

Result<snapshot::Snapshot> Build(const agent::v1::Push& push, const state::Generation* serving) {
  snapshot::Delta delta;
  for (const types::v1::Resource& resource : push.upserts()) {
    delta.upserts.emplace_back(snapshot::ResourceKey{resource.type(), resource.name()},
                               std::make_shared<const std::string>(resource.body()));
  }
  for (const types::v1::ResourceKey& key : push.removals()) {
    delta.removals.push_back({key.type(), key.name()});
  }
  if (push.base_digest().empty()) return snapshot::Patched(snapshot::Snapshot(), delta);
  return snapshot::Patched(serving->snapshot, delta);
}

}  // namespace

std::variant<state::GenerationPtr, Declined> Examine(const agent::v1::Push& push,
                                                     const snapshot::Version& seen,
                                                     const state::Generation* serving,
                                                     const state::Authority& authority) {
  const Result<snapshot::Version> version = state::VerifyManifest(push.manifest(), authority);
  if (!version.ok()) return Declined{Ack::OUTCOME_REJECTED, version.status().message()};
  switch (snapshot::Compare(seen, *version)) {
    case snapshot::Standing::kStale:
      return Declined{Ack::OUTCOME_STALE, version->ToString() + " is older than " +
                                              seen.ToString() + ", which this node has seen"};
    case snapshot::Standing::kFork:
      return Declined{Ack::OUTCOME_STALE, version->ToString() + " is a fork of " + seen.ToString() +
                                              ", which this node has seen"};
    case snapshot::Standing::kSame:
    case snapshot::Standing::kNewer:
      break;
  }
  const bool whole = push.base_digest().empty();
  if (!whole && (serving == nullptr || serving->version.digest != push.base_digest())) {
    return Declined{Ack::OUTCOME_NEED_FULL, "the delta's base is not what this node serves"};
  }
  Result<snapshot::Snapshot> built = Build(push, serving);
  if (!built.ok() || built->Digest() != version->digest) {
    return Declined{
        whole ? Ack::OUTCOME_REJECTED : Ack::OUTCOME_NEED_FULL,
        built.ok() ? "the result is not what the manifest names" : built.status().message()};
  }
  auto generation = std::make_shared<state::Generation>();
  generation->version = *version;
  generation->manifest = push.manifest();
  generation->snapshot = *std::move(built);
  return state::GenerationPtr(std::move(generation));
}

snapshot::Version ClaimedVersion(const agent::v1::Push& push) {
  const Result<types::v1::Manifest> manifest = snapshot::ParseManifest(push.manifest());
  if (!manifest.ok()) return {};
  return snapshot::VersionOf(*manifest).value_or(snapshot::Version());
}

}  // namespace lockstep::agent::apply
