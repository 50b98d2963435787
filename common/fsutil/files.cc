#include "common/fsutil/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "common/base/encoding.h"
#include "common/fsutil/internal.h"

namespace lockstep::fsutil {
namespace {

constexpr size_t kSecretFileBytes = size_t{64} << 10;

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return PathError(errno, "write", path);
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return Status::Ok();
}

constexpr char kTemporaryPrefix[] = ".new-";

std::string TemporaryIn(const std::string& directory) {
  return directory + "/" + kTemporaryPrefix + HexEncode(RandomBytes(8));
}

Result<std::string> ReadOpened(int fd, const std::string& path, size_t max_bytes) {
  std::string bytes;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return PathError(errno, "read", path);
    }
    if (count == 0) return bytes;
    if (bytes.size() + static_cast<size_t>(count) > max_bytes) {
      return ResourceExhausted(Quoted(path) + " is longer than " + std::to_string(max_bytes) +
                               " bytes");
    }
    bytes.append(buffer.data(), static_cast<size_t>(count));
  }
}

std::string Octal(mode_t mode) {
  std::array<char, 8> text;
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777);
  return text.data();
}

}  // namespace

Status WriteSynced(const std::string& at, const std::string& path, std::string_view bytes,
                   mode_t mode) {
  const Fd fd(::open(at.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return PathError(errno, "write", path);
  LS_RETURN_IF_ERROR(WriteAll(fd.get(), bytes, path));
  if (::fchmod(fd.get(), mode) != 0) return PathError(errno, "set the mode of", path);
  if (::fsync(fd.get()) != 0) return PathError(errno, "sync", path);
  return Status::Ok();
}

Status WriteAtomic(const std::string& path, std::string_view bytes, const WriteOptions& options) {
  const std::string directory = ParentOf(path);
  const std::string temporary =
      TemporaryIn(options.staging_directory.empty() ? directory : options.staging_directory);
  Status status = WriteSynced(temporary, path, bytes, options.mode);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = PathError(errno, "replace", path);
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return SyncDirectory(directory);
}

Status WriteNew(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string directory = ParentOf(path);
  const std::string temporary = TemporaryIn(directory);
  Status status = WriteSynced(temporary, path, bytes, mode);
  // A link, unlike a rename, never replaces.
  if (status.ok() && ::link(temporary.c_str(), path.c_str()) != 0) {
    status = PathError(errno, "make", path);
  }
  ::unlink(temporary.c_str());
  LS_RETURN_IF_ERROR(status);
  return SyncDirectory(directory);
}

Result<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  // Without O_NONBLOCK opening a FIFO would wait for its writer.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return PathError(errno, "read", path);
  struct stat about = {};
  if (::fstat(fd.get(), &about) != 0) return PathError(errno, "read", path);
  if (!S_ISREG(about.st_mode)) return FailedPrecondition(Quoted(path) + " is not a regular file");
  return ReadOpened(fd.get(), path, max_bytes);
}

Result<std::string> ReadSecretFile(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid() && errno == ELOOP) {
    return FailedPrecondition("secret file " + Quoted(path) +
                              " is a symbolic link: name the file itself");
  }
  if (!fd.valid()) return PathError(errno, "read", path);
  // Checked on what was opened, so that it cannot be swapped in between.
  struct stat about = {};
  if (::fstat(fd.get(), &about) != 0) return PathError(errno, "read", path);
  if (!S_ISREG(about.st_mode)) {
    return FailedPrecondition("secret file " + Quoted(path) + " is not a regular file");
  }
  if (about.st_uid != ::geteuid() && about.st_uid != 0) {
    return FailedPrecondition("secret file " + Quoted(path) + " belongs to uid " +
                              std::to_string(about.st_uid) + ": it must be ours or root's");
  }
  if ((about.st_mode & 077) != 0) {
    return FailedPrecondition("secret file " + Quoted(path) + " has mode " + Octal(about.st_mode) +
                              ", open to others than its owner: run chmod 0600 " + path);
  }
  return ReadOpened(fd.get(), path, kSecretFileBytes);
}

Status SwapSymlink(const std::string& link, const std::string& target) {
  const std::string directory = ParentOf(link);
  const std::string temporary = TemporaryIn(directory);
  if (::symlink(target.c_str(), temporary.c_str()) != 0) return PathError(errno, "link", link);
  if (::rename(temporary.c_str(), link.c_str()) != 0) {
    Status status = PathError(errno, "replace link", link);
    ::unlink(temporary.c_str());
    return status;
  }
  return SyncDirectory(directory);
}

Status RemoveUnfinished(const std::string& directory) {
  LS_ASSIGN_OR_RETURN(const std::vector<Entry> entries, ListDirectory(directory));
  for (const Entry& entry : entries) {
    if (!entry.name.starts_with(kTemporaryPrefix) || entry.kind == Entry::Kind::kDirectory)
      continue;
    LS_RETURN_IF_ERROR(RemoveFile(directory + "/" + entry.name));
  }
  return Status::Ok();
}

Status RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return PathError(errno, "remove", path);
  return Status::Ok();
}

}  // namespace lockstep::fsutil
