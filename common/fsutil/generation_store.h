// Generations on disk: numbered sets of files, each intact or not there.
//
//   <root>/gen-<counter>-<generation>/<file>...   one generation, never changed once there
//   <root>/gen-<counter>-<generation>/MANIFEST    SHA-256 and length of each file
//   <root>/<POINTER>                              names one generation ("CURRENT", "LKG"), swapped
//   atomically <root>/staging/                               what is being written; emptied on Open
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status/status.h"

namespace lockstep::fsutil {

// Ordered by age: the epoch's counter first, then the generation within it.
struct GenerationId {
  uint64_t counter = 0;
  uint64_t generation = 0;

  static Result<GenerationId> Parse(std::string_view text);  // "2-17"
  std::string ToString() const;                              // "2-17"
  friend bool operator==(const GenerationId&, const GenerationId&) = default;
  // NOLINTNEXTLINE(modernize-use-nullptr): takes the 0 of the generated comparison for a pointer
  friend auto operator<=>(const GenerationId&, const GenerationId&) = default;
};

// File name → content. Names are plain: no '/', not starting with '.', not "MANIFEST".
using Files = std::map<std::string, std::string>;

class GenerationStore {
 public:
  // Makes the directory (0700) if need be and clears what an interrupted write left.
  static Result<GenerationStore> Open(std::string root);

  // Writes a generation: intact or not there at all afterwards. Writing the same id with the same
  // files again is fine; with other files ALREADY_EXISTS, unless what is there is damaged.
  Status Save(GenerationId id, const Files& files);

  // NOT_FOUND, or DATA_LOSS with what is wrong if a file is missing, too many, or not what was
  // saved.
  Result<Files> Load(GenerationId id) const;

  // Points `pointer` (upper-case letters) at a generation that is there.
  Status SetPointer(std::string_view pointer, GenerationId id);
  // Absent if never set; DATA_LOSS if unreadable.
  Result<std::optional<GenerationId>> FindPointer(std::string_view pointer) const;

  struct Loaded {
    GenerationId id;
    Files files;
    std::vector<std::string> skipped;  // "generation 2-17: content of site.pb does not match ..."
  };
  // What `pointer` names, or, if that is damaged or gone, the newest intact generation not newer
  // than it; with no usable pointer the newest intact one. Absent if there is none: `skipped_out`
  // (optional) then says why.
  Result<std::optional<Loaded>> LoadBest(std::string_view pointer,
                                         std::vector<std::string>* skipped_out = nullptr) const;

  // Newest first, damaged ones included.
  Result<std::vector<GenerationId>> List() const;

  // Removes all but the newest `keep`, those that a pointer names, and those in `also`.
  Status Prune(size_t keep, std::span<const GenerationId> also = {});

  const std::string& root() const { return root_; }
  // The directory of a generation, for programs that read its files themselves.
  std::string PathOf(GenerationId id) const;

 private:
  explicit GenerationStore(std::string root) : root_(std::move(root)) {}
  std::string root_;
};

}  // namespace lockstep::fsutil
