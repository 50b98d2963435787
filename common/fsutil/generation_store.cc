#include "common/fsutil/generation_store.h"

#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <set>
#include <sstream>

#include "common/base/encoding.h"
#include "common/base/hostname.h"
#include "common/fsutil/files.h"
#include "common/fsutil/internal.h"

namespace lockstep::fsutil {
namespace {

constexpr std::string_view kManifest = "MANIFEST";
constexpr std::string_view kPrefix = "gen-";
constexpr size_t kMaxFileBytes = size_t{256} << 20;
constexpr size_t kMaxManifestBytes = size_t{16} << 20;

std::string DigestHex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  LS_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) ==
           1);
  return HexEncode({reinterpret_cast<const char*>(digest.data()), size});
}

bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name[0] != '.' && name != kManifest &&
         std::ranges::all_of(name, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
         });
}

bool IsPointerName(std::string_view name) {
  return !name.empty() && name.size() <= 32 &&
         std::ranges::all_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
}

// "<sha-256> <length> <name>" per file, then "end <sha-256 of the lines before>": a manifest that
// lost its end is known by it.
std::string RenderManifest(const Files& files) {
  std::string lines;
  for (const auto& [name, bytes] : files) {
    lines += DigestHex(bytes) + " " + std::to_string(bytes.size()) + " " + name + "\n";
  }
  return lines + "end " + DigestHex(lines) + "\n";
}

struct Listed {
  std::string digest;
  size_t size = 0;
};

Result<std::map<std::string, Listed>> ParseManifest(std::string_view text) {
  const size_t end = text.rfind("end ");
  if (end == std::string_view::npos || (end != 0 && text[end - 1] != '\n') ||
      text.substr(end) != "end " + DigestHex(text.substr(0, end)) + "\n") {
    return DataLoss("its manifest is damaged");
  }
  std::map<std::string, Listed> listed;
  std::istringstream lines{std::string(text.substr(0, end))};
  Listed file;
  std::string name;
  while (lines >> file.digest >> file.size >> name) listed[name] = file;
  return listed;
}

}  // namespace

Result<GenerationId> GenerationId::Parse(std::string_view text) {
  GenerationId id;
  const char* end = text.data() + text.size();
  const auto counter = std::from_chars(text.data(), end, id.counter);
  if (counter.ec == std::errc() && counter.ptr != end && *counter.ptr == '-') {
    const auto generation = std::from_chars(counter.ptr + 1, end, id.generation);
    if (generation.ec == std::errc() && generation.ptr == end && id.ToString() == text) return id;
  }
  return InvalidArgument(Quoted(text) + " is not <counter>-<generation>");
}

std::string GenerationId::ToString() const {
  return std::to_string(counter) + "-" + std::to_string(generation);
}

Result<GenerationStore> GenerationStore::Open(std::string root) {
  LS_RETURN_IF_ERROR(MakePrivateDirectory(root));
  LS_RETURN_IF_ERROR(RemoveTree(root + "/staging"));
  LS_RETURN_IF_ERROR(MakePrivateDirectory(root + "/staging"));
  return GenerationStore(std::move(root));
}

std::string GenerationStore::PathOf(GenerationId id) const {
  return root_ + "/" + std::string(kPrefix) + id.ToString();
}

Status GenerationStore::Save(GenerationId id, const Files& files) {
  for (const auto& [name, bytes] : files) {
    if (!IsPlainName(name)) return InvalidArgument("file name " + Quoted(name) + " is not plain");
  }
  const std::string path = PathOf(id);
  const Result<Files> present = Load(id);
  if (present.ok()) {
    if (*present == files) return Status::Ok();
    return AlreadyExists("generation " + id.ToString() + " in " + Quoted(root_) +
                         " holds other content");
  }
  const std::string staged = root_ + "/staging/" + std::string(kPrefix) + id.ToString();
  LS_RETURN_IF_ERROR(RemoveTree(staged));
  Status written = [&]() -> Status {
    LS_RETURN_IF_ERROR(MakePrivateDirectory(staged));
    for (const auto& [name, bytes] : files) {
      LS_RETURN_IF_ERROR(WriteSynced(PathIn(staged, name), PathIn(path, name), bytes, 0600));
    }
    LS_RETURN_IF_ERROR(WriteSynced(PathIn(staged, kManifest), PathIn(path, kManifest),
                                   RenderManifest(files), 0600));
    LS_RETURN_IF_ERROR(SyncDirectory(staged));
    if (present.status().code() != Code::kNotFound) LS_RETURN_IF_ERROR(RemoveTree(path));
    if (std::rename(staged.c_str(), path.c_str()) != 0) return PathError(errno, "write", path);
    return SyncDirectory(root_);
  }();
  // Room for the next try: the disk may be full because of what was staged.
  if (!written.ok()) {
    [[maybe_unused]] const Status cleared = RemoveTree(staged);
  }
  return written;
}

Result<Files> GenerationStore::Load(GenerationId id) const {
  const std::string path = PathOf(id);
  struct stat about = {};
  if (::lstat(path.c_str(), &about) != 0 && errno == ENOENT) {
    return NotFound("no generation " + id.ToString() + " in " + Quoted(root_));
  }
  const auto damaged = [&](const std::string& why) {
    return DataLoss("generation " + id.ToString() + ": " + why);
  };
  const Result<std::string> manifest = ReadFile(PathIn(path, kManifest), kMaxManifestBytes);
  if (!manifest.ok()) return damaged(manifest.status().message());
  const Result<std::map<std::string, Listed>> listed = ParseManifest(*manifest);
  if (!listed.ok()) return damaged(listed.status().message());

  Files files;
  for (const auto& [name, expected] : *listed) {
    Result<std::string> bytes = ReadFile(PathIn(path, name), kMaxFileBytes);
    if (!bytes.ok()) return damaged(bytes.status().message());
    if (bytes->size() != expected.size || DigestHex(*bytes) != expected.digest) {
      return damaged("content of " + Quoted(name) + " is not what was saved");
    }
    files.emplace(name, std::move(bytes).value());
  }
  LS_ASSIGN_OR_RETURN(const std::vector<Entry> present, ListDirectory(path));
  for (const Entry& entry : present) {
    if (entry.name != kManifest && !files.contains(entry.name)) {
      return damaged(Quoted(entry.name) + " does not belong there");
    }
  }
  return files;
}

Status GenerationStore::SetPointer(std::string_view pointer, GenerationId id) {
  if (!IsPointerName(pointer)) return InvalidArgument(Quoted(pointer) + " is no pointer's name");
  struct stat about = {};
  if (::lstat(PathOf(id).c_str(), &about) != 0) {
    return NotFound("no generation " + id.ToString() + " in " + Quoted(root_));
  }
  return WriteAtomic(root_ + "/" + std::string(pointer), id.ToString() + "\n",
                     {.mode = 0600, .staging_directory = root_ + "/staging"});
}

Result<std::optional<GenerationId>> GenerationStore::FindPointer(std::string_view pointer) const {
  if (!IsPointerName(pointer)) return InvalidArgument(Quoted(pointer) + " is no pointer's name");
  const Result<std::string> text = ReadFile(root_ + "/" + std::string(pointer), 64);
  if (text.status().code() == Code::kNotFound) return std::optional<GenerationId>();
  if (!text.ok()) return DataLoss(text.status().message());
  if (!text->empty() && text->back() == '\n') {
    const Result<GenerationId> id =
        GenerationId::Parse(std::string_view(*text).substr(0, text->size() - 1));
    if (id.ok()) return std::optional<GenerationId>(*id);
  }
  return DataLoss(Quoted(root_ + "/" + std::string(pointer)) + " does not name a generation");
}

Result<std::optional<GenerationStore::Loaded>> GenerationStore::LoadBest(
    std::string_view pointer, std::vector<std::string>* skipped_out) const {
  std::vector<std::string> skipped;
  const Result<std::optional<GenerationId>> named = FindPointer(pointer);
  if (!named.ok()) {
    if (named.status().code() == Code::kInvalidArgument) return named.status();
    skipped.push_back(named.status().message());
  }
  const std::optional<GenerationId> newest = named.ok() ? *named : std::nullopt;
  LS_ASSIGN_OR_RETURN(std::vector<GenerationId> ids, List());
  if (newest && !std::ranges::binary_search(ids, *newest, std::greater<>())) {
    skipped.push_back("generation " + newest->ToString() + ": named by " + std::string(pointer) +
                      " but not there");
  }
  for (const GenerationId id : ids) {
    if (newest && id > *newest) continue;
    Result<Files> files = Load(id);
    if (files.ok()) {
      return std::optional<Loaded>(
          {.id = id, .files = std::move(files).value(), .skipped = std::move(skipped)});
    }
    skipped.push_back(files.status().message());
  }
  if (skipped_out != nullptr) *skipped_out = std::move(skipped);
  return std::optional<Loaded>();
}

Result<std::vector<GenerationId>> GenerationStore::List() const {
  LS_ASSIGN_OR_RETURN(const std::vector<Entry> entries, ListDirectory(root_));
  std::vector<GenerationId> ids;
  for (const Entry& entry : entries) {
    if (entry.kind != Entry::Kind::kDirectory || !entry.name.starts_with(kPrefix)) continue;
    const Result<GenerationId> id = GenerationId::Parse(entry.name.substr(kPrefix.size()));
    if (id.ok()) ids.push_back(*id);
  }
  std::ranges::sort(ids, std::greater<>());
  return ids;
}

Status GenerationStore::Prune(size_t keep, std::span<const GenerationId> also) {
  std::set<GenerationId> kept(also.begin(), also.end());
  LS_ASSIGN_OR_RETURN(const std::vector<Entry> entries, ListDirectory(root_));
  for (const Entry& entry : entries) {
    if (!IsPointerName(entry.name)) continue;
    const Result<std::optional<GenerationId>> id = FindPointer(entry.name);
    if (id.ok() && *id) kept.insert(**id);
  }
  LS_ASSIGN_OR_RETURN(const std::vector<GenerationId> ids, List());
  for (size_t i = keep; i < ids.size(); ++i) {
    if (kept.contains(ids[i])) continue;
    // Out of sight in one step, so that half of one is never seen.
    const std::string staged = root_ + "/staging/old-" + ids[i].ToString();
    LS_RETURN_IF_ERROR(RemoveTree(staged));
    if (std::rename(PathOf(ids[i]).c_str(), staged.c_str()) != 0) {
      return PathError(errno, "remove", PathOf(ids[i]));
    }
    LS_RETURN_IF_ERROR(RemoveTree(staged));
  }
  return Status::Ok();
}

}  // namespace lockstep::fsutil
