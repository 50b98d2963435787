#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "common/fsutil/files.h"
#include "common/fsutil/internal.h"

namespace lockstep::fsutil {
namespace {

constexpr int kTreeDepth = 64;
constexpr size_t kTreeEntries = 100'000;

struct CloseDir {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using OpenDir = std::unique_ptr<DIR, CloseDir>;

Entry::Kind KindOf(mode_t mode) {
  if (S_ISREG(mode)) return Entry::Kind::kFile;
  if (S_ISDIR(mode)) return Entry::Kind::kDirectory;
  if (S_ISLNK(mode)) return Entry::Kind::kSymlink;
  return Entry::Kind::kOther;
}

// Lists the directory behind `fd`, which it takes over. `path` is for errors.
Result<std::vector<Entry>> ListOpened(Fd fd, const std::string& path) {
  OpenDir directory(::fdopendir(fd.get()));
  if (!directory) return PathError(errno, "list", path);
  const int number = fd.Release();  // the stream's now
  std::vector<Entry> entries;
  while (true) {
    errno = 0;
    const dirent* found = ::readdir(directory.get());
    if (found == nullptr) break;
    const std::string name = found->d_name;
    if (name == "." || name == "..") continue;
    struct stat about = {};
    if (::fstatat(number, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone since
      return PathError(errno, "look at", PathIn(path, name));
    }
    entries.push_back({.name = name, .kind = KindOf(about.st_mode)});
  }
  if (errno != 0) return PathError(errno, "list", path);
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

Fd OpenDirectory(int at, const char* name) {
  return Fd(::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// One RemoveTree under way.
struct Removal {
  dev_t device = 0;
  size_t entries = 0;

  // Empties the directory behind `fd`.
  Status Empty(Fd fd, const std::string& path, int depth) {
    struct stat about = {};
    if (::fstat(fd.get(), &about) != 0) return PathError(errno, "remove", path);
    if (about.st_dev != device) {
      return FailedPrecondition("cannot remove " + Quoted(path) +
                                ": another file system is mounted there");
    }
    if (depth > kTreeDepth) {
      return ResourceExhausted("cannot remove " + Quoted(path) + ": directories nest too deep");
    }
    const Fd again(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    LS_ASSIGN_OR_RETURN(const std::vector<Entry> found, ListOpened(std::move(fd), path));
    for (const Entry& entry : found) {
      LS_RETURN_IF_ERROR(Remove(again.get(), entry, PathIn(path, entry.name), depth));
    }
    return Status::Ok();
  }

  Status Remove(int at, const Entry& entry, const std::string& path, int depth) {
    if (++entries > kTreeEntries) {
      return ResourceExhausted("cannot remove " + Quoted(path) + ": more than " +
                               std::to_string(kTreeEntries) + " entries");
    }
    const bool is_directory = entry.kind == Entry::Kind::kDirectory;
    if (is_directory) {
      Fd child = OpenDirectory(at, entry.name.c_str());
      if (!child.valid()) return PathError(errno, "remove", path);
      LS_RETURN_IF_ERROR(Empty(std::move(child), path, depth + 1));
    }
    if (::unlinkat(at, entry.name.c_str(), is_directory ? AT_REMOVEDIR : 0) != 0 &&
        errno != ENOENT) {
      return PathError(errno, "remove", path);
    }
    return Status::Ok();
  }
};

Status MakeParents(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) {
      return PathError(errno, "make directory", parent);
    }
  }
  return Status::Ok();
}

}  // namespace

Status SyncDirectory(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return PathError(errno, "sync directory", path);
  return Status::Ok();
}

Status MakePrivateDirectory(const std::string& path, mode_t mode) {
  LS_RETURN_IF_ERROR(MakeParents(path));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return PathError(errno, "make directory", path);
  }
  const Fd fd = OpenDirectory(AT_FDCWD, path.c_str());
  if (!fd.valid() && (errno == ENOTDIR || errno == ELOOP)) {
    return FailedPrecondition(Quoted(path) + " is not a directory");
  }
  struct stat about = {};
  if (!fd.valid() || ::fstat(fd.get(), &about) != 0) {
    return PathError(errno, "open directory", path);
  }
  if (about.st_uid != ::geteuid() && about.st_uid != 0) {
    return FailedPrecondition("directory " + Quoted(path) + " belongs to uid " +
                              std::to_string(about.st_uid) + ": it must be ours or root's");
  }
  if ((about.st_mode & 07777) != mode && ::fchmod(fd.get(), mode) != 0) {
    return PathError(errno, "set the mode of", path);
  }
  return Status::Ok();
}

Result<std::vector<Entry>> ListDirectory(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return PathError(errno, "list", path);
  return ListOpened(std::move(fd), path);
}

Status RemoveTree(const std::string& path) {
  struct stat about = {};
  if (::lstat(path.c_str(), &about) != 0) {
    return errno == ENOENT ? Status::Ok() : PathError(errno, "remove", path);
  }
  const std::string parent = ParentOf(path);
  const std::string name = path.substr(path.find_last_of('/') + 1);
  if (name.empty() || name == "." || name == "..") {
    return InvalidArgument("cannot remove " + Quoted(path) + ": the path has no name at its end");
  }
  const Fd at(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at.valid()) return PathError(errno, "remove", path);
  Removal removal = {.device = about.st_dev};
  return removal.Remove(at.get(), {.name = name, .kind = KindOf(about.st_mode)}, path, 0);
}

Result<DirectoryLock> DirectoryLock::Acquire(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return PathError(errno, "lock", path);
  std::array<char, 32> buffer = {};
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return PathError(errno, "lock", path);
    const ssize_t count = ::pread(fd.get(), buffer.data(), buffer.size() - 1, 0);
    const std::string holder(buffer.data(), count > 0 ? static_cast<size_t>(count) : 0);
    return FailedPrecondition(Quoted(directory) + " is in use by process " +
                              (holder.empty() ? "unknown" : holder.substr(0, holder.find('\n'))) +
                              ": stop it first");
  }
  const std::string ours = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), ours.data(), ours.size(), 0) != static_cast<ssize_t>(ours.size())) {
    return PathError(errno, "write", path);
  }
  return DirectoryLock(std::move(fd));
}

}  // namespace lockstep::fsutil
