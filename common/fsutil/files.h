// Files and directories, written so that a crash or a full disk leaves the old content or the new.
//
// Every error names the path. ENOSPC, EDQUOT and EFBIG are RESOURCE_EXHAUSTED.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/fd.h"
#include "common/status/status.h"

namespace lockstep::fsutil {

struct WriteOptions {
  mode_t mode = 0600;  // exact, whatever the umask
  // Where the temporary file is made; the target's directory if empty. Must be on the same file
  // system. For directories that a web server serves: nothing half-written is ever inside.
  std::string staging_directory = {};
};

// Replaces `path` with `bytes`: temporary file, fsync, rename, fsync of the directory. On any error
// the old content stands and no temporary file is left.
Status WriteAtomic(const std::string& path, std::string_view bytes,
                   const WriteOptions& options = {});

// The same for a file that must not be there yet: ALREADY_EXISTS if it is.
Status WriteNew(const std::string& path, std::string_view bytes, mode_t mode = 0600);

// The whole file; NOT_FOUND, or RESOURCE_EXHAUSTED if it is longer than `max_bytes`.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes);

// A file that holds a secret, at most 64 KiB. FAILED_PRECONDITION (with the chmod to run) unless it
// is a regular file, not a link, that neither group nor others may touch, owned by us or root.
Result<std::string> ReadSecretFile(const std::string& path);

// Makes `path` (and missing parents, 0755) or tightens an existing directory to exactly `mode`.
// FAILED_PRECONDITION if it is no directory, a link, or owned by somebody else but root.
Status MakePrivateDirectory(const std::string& path, mode_t mode = 0700);

// Makes the symbolic link `link` point at `target`, replacing what it pointed at in one rename: how
// a certificate and its key are published as one.
Status SwapSymlink(const std::string& link, const std::string& target);

// Removes `path` and what is under it; a missing path is fine. Never follows a link, never crosses
// into another file system, gives up beyond 100,000 entries or 64 levels.
Status RemoveTree(const std::string& path);

// Removes from `directory` the temporary files and links that killed writers of the above left
// there. Nobody may be writing in it meanwhile.
Status RemoveUnfinished(const std::string& directory);

struct Entry {
  std::string name;
  enum class Kind { kFile, kDirectory, kSymlink, kOther } kind = Kind::kOther;
};
// What is in a directory, without "." and "..", sorted by name.
Result<std::vector<Entry>> ListDirectory(const std::string& path);

// Removes one file; a missing one is fine.
Status RemoveFile(const std::string& path);

// fsync of a directory, so that a rename in it survives a power cut.
Status SyncDirectory(const std::string& path);

// Holds `<directory>/LOCK` for as long as it lives: one process per state directory.
class DirectoryLock {
 public:
  // FAILED_PRECONDITION naming the holder's process id if another process (or this one) has it.
  static Result<DirectoryLock> Acquire(const std::string& directory);

 private:
  explicit DirectoryLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace lockstep::fsutil
