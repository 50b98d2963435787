#include "agent/state/generations.h"

#include <algorithm>
#include <utility>

#include "common/fsutil/files.h"
#include "common/log/log.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::state {
namespace {

constexpr char kFile[] = "push.pb";
constexpr std::string_view kCurrent = "CURRENT";
constexpr std::string_view kLastKnownGood = "LKG";
constexpr size_t kKept = 3;
constexpr size_t kMaxManifestBytes = 16 << 10;

fsutil::GenerationId IdOf(const snapshot::Version& version) {
  return {version.epoch_counter, version.generation};
}

std::string Render(const Generation& generation) {
  agent::v1::Push push;
  *push.mutable_manifest() = generation.manifest;
  for (const auto& [key, entry] : generation.snapshot.entries()) {
    types::v1::Resource* resource = push.add_upserts();
    resource->set_type(key.type);
    resource->set_name(key.name);
    resource->set_body(*entry.body);
  }
  return push.SerializeAsString();
}

}  // namespace

Result<Generations> Generations::Open(const std::string& directory, Authority authority) {
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(directory));
  LS_ASSIGN_OR_RETURN(fsutil::GenerationStore store,
                      fsutil::GenerationStore::Open(directory + "/generations"));
  Generations out(directory, std::move(authority), std::move(store));
  out.RecallSeen();
  return out;
}

void Generations::RecallSeen() {
  const auto consider = [this](const types::v1::SignedManifest& manifest,
                               const std::string& where) {
    Result<snapshot::Version> version = VerifyManifest(manifest, authority_);
    if (!version.ok()) {
      log::Error("state.seen_unusable", {{"where", where}, {"error", version.status()}});
    } else if (snapshot::Compare(seen_, *version) == snapshot::Standing::kNewer) {
      seen_ = *std::move(version);
      seen_manifest_ = manifest;
    }
  };
  const std::string path = directory_ + "/seen.pb";
  const Result<std::string> bytes = fsutil::ReadFile(path, kMaxManifestBytes);
  types::v1::SignedManifest manifest;
  if (bytes.ok() && manifest.ParseFromString(*bytes)) {
    consider(manifest, path);
  } else if (!bytes.ok() && bytes.status().code() != Code::kNotFound) {
    log::Error("state.seen_unusable", {{"where", path}, {"error", bytes.status()}});
  }
  const Result<std::vector<fsutil::GenerationId>> ids = store_.List();
  if (!ids.ok()) return;
  for (const fsutil::GenerationId id : *ids) {
    if (const Result<GenerationPtr> held = Load(id); held.ok()) {
      consider((*held)->manifest, store_.PathOf(id));
    }
  }
}

Status Generations::MarkSeen(const types::v1::SignedManifest& manifest) {
  LS_ASSIGN_OR_RETURN(snapshot::Version version, VerifyManifest(manifest, authority_));
  const snapshot::Standing standing = snapshot::Compare(seen_, version);
  if (standing == snapshot::Standing::kSame) return Status::Ok();
  if (standing != snapshot::Standing::kNewer) {
    return FailedPrecondition(version.ToString() + " is not newer than " + seen_.ToString());
  }
  LS_RETURN_IF_ERROR(fsutil::WriteAtomic(directory_ + "/seen.pb", manifest.SerializeAsString()));
  seen_ = std::move(version);
  seen_manifest_ = manifest;
  return Status::Ok();
}

Status Generations::Save(const Generation& generation) {
  const fsutil::GenerationId id = IdOf(generation.version);
  const Result<GenerationPtr> held = Load(id);
  // A controller that was restarted signs the same generation anew: what is held is as good.
  if (held.ok() && (*held)->version == generation.version) return Status::Ok();
  if (held.status().code() != Code::kNotFound) Forget(generation.version);
  return store_.Save(id, {{kFile, Render(generation)}});
}

void Generations::Forget(const snapshot::Version& version) {
  const Status removed = fsutil::RemoveTree(store_.PathOf(IdOf(version)));
  if (!removed.ok()) log::Warning("state.leftover", {{"error", removed}});
}

Status Generations::MarkCurrent(const snapshot::Version& version) {
  LS_RETURN_IF_ERROR(store_.SetPointer(kCurrent, IdOf(version)));
  // Here, too: where changes follow each other faster than a soak, none would ever end.
  const Status pruned = store_.Prune(kKept);
  if (!pruned.ok()) log::Warning("state.leftover", {{"error", pruned}});
  return Status::Ok();
}

Status Generations::MarkLastKnownGood(const snapshot::Version& version) {
  LS_RETURN_IF_ERROR(store_.SetPointer(kLastKnownGood, IdOf(version)));
  return store_.Prune(kKept);
}

std::optional<fsutil::GenerationId> Generations::Pointer(std::string_view name) const {
  Result<std::optional<fsutil::GenerationId>> id = store_.FindPointer(name);
  if (id.ok()) return *std::move(id);
  log::Error("state.pointer_unusable", {{"pointer", name}, {"error", id.status()}});
  return std::nullopt;
}

std::vector<GenerationPtr> Generations::ListServable() const {
  std::vector<fsutil::GenerationId> order;
  const auto add = [&order](fsutil::GenerationId id) {
    if (std::find(order.begin(), order.end(), id) == order.end()) order.push_back(id);
  };
  const std::optional<fsutil::GenerationId> current = Pointer(kCurrent);
  if (current) add(*current);
  if (const auto lkg = Pointer(kLastKnownGood)) add(*lkg);
  if (const auto ids = store_.List(); ids.ok()) {
    for (const fsutil::GenerationId id : *ids) {
      if (!current || id < *current) add(id);
    }
  }
  return LoadIntact(order);
}

std::vector<GenerationPtr> Generations::ListHeld() const {
  const Result<std::vector<fsutil::GenerationId>> ids = store_.List();
  return ids.ok() ? LoadIntact(*ids) : std::vector<GenerationPtr>();
}

std::vector<GenerationPtr> Generations::LoadIntact(
    const std::vector<fsutil::GenerationId>& ids) const {
  std::vector<GenerationPtr> out;
  for (const fsutil::GenerationId id : ids) {
    Result<GenerationPtr> held = Load(id);
    if (held.ok()) {
      out.push_back(*std::move(held));
    } else {
      log::Error("state.generation_unusable", {{"id", id.ToString()}, {"error", held.status()}});
    }
  }
  return out;
}

Result<GenerationPtr> Generations::Load(fsutil::GenerationId id) const {
  LS_ASSIGN_OR_RETURN(const fsutil::Files files, store_.Load(id));
  const auto file = files.find(kFile);
  agent::v1::Push push;
  if (file == files.end() || !push.ParseFromString(file->second)) {
    return DataLoss("generation " + id.ToString() + " does not parse");
  }
  LS_ASSIGN_OR_RETURN(snapshot::Version version, VerifyManifest(push.manifest(), authority_));
  auto out = std::make_shared<Generation>();
  for (types::v1::Resource& resource : *push.mutable_upserts()) {
    out->snapshot.Put({std::move(*resource.mutable_type()), std::move(*resource.mutable_name())},
                      std::move(*resource.mutable_body()));
  }
  if (out->snapshot.Digest() != version.digest) {
    return DataLoss("generation " + id.ToString() + " is not what its manifest names");
  }
  out->version = std::move(version);
  out->manifest = push.manifest();
  return GenerationPtr(std::move(out));
}

}  // namespace lockstep::agent::state
