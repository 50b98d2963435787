#include "agent/challenge/directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/base/hostname.h"
#include "common/fsutil/files.h"

namespace lockstep::agent::challenge {
namespace {

constexpr mode_t kServedMode = 02750;
constexpr mode_t kFileMode = 0640;

Result<Fd> OpenDirectory(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return FromErrno(errno, path);
  return fd;
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FromErrno(errno, "write");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return Status::Ok();
}

}  // namespace

Result<Directory> Directory::Open(const std::string& path) {
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(path, kServedMode));
  const std::string staging = path + ".staging";
  LS_RETURN_IF_ERROR(fsutil::MakePrivateDirectory(staging));
  LS_ASSIGN_OR_RETURN(Fd served_fd, OpenDirectory(path));
  LS_ASSIGN_OR_RETURN(Fd staging_fd, OpenDirectory(staging));
  struct stat about {};
  if (::fstat(served_fd.get(), &about) != 0) return FromErrno(errno, path);
  Directory directory(path, std::move(served_fd), std::move(staging_fd), about.st_gid);
  LS_RETURN_IF_ERROR(directory.Empty());
  return directory;
}

Status Directory::Empty() {
  LS_ASSIGN_OR_RETURN(const std::vector<fsutil::Entry> entries, fsutil::ListDirectory(path_));
  for (const fsutil::Entry& entry : entries) {
    if (entry.kind != fsutil::Entry::Kind::kFile) {
      return FailedPrecondition(path_ + "/" + Quoted(entry.name) +
                                " is no challenge file: remove it");
    }
    if (::unlinkat(served_.get(), entry.name.c_str(), 0) != 0 && errno != ENOENT) {
      return FromErrno(errno, path_);
    }
  }
  return Status::Ok();
}

Status Directory::Put(const ChallengeToken& token, std::string_view key_authorization) {
  const char* name = token.str().c_str();
  Status staged = Stage(token.str(), key_authorization);
  if (staged.ok() && ::renameat(staging_.get(), name, served_.get(), name) != 0) {
    staged = FromErrno(errno, "rename into place");
  }
  if (!staged.ok()) ::unlinkat(staging_.get(), name, 0);
  return staged.Prefixed(path_);
}

Status Directory::Stage(const std::string& name, std::string_view bytes) {
  ::unlinkat(staging_.get(), name.c_str(), 0);
  const Fd file(::openat(staging_.get(), name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return FromErrno(errno, "stage a challenge");
  LS_RETURN_IF_ERROR(WriteAll(file.get(), bytes));
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return FromErrno(errno, "stage a challenge");
  if (about.st_gid != group_ && ::fchown(file.get(), static_cast<uid_t>(-1), group_) != 0) {
    return FromErrno(errno, "give a challenge to the web server's group");
  }
  if (::fchmod(file.get(), kFileMode) != 0) return FromErrno(errno, "stage a challenge");
  return Status::Ok();
}

Status Directory::Remove(const ChallengeToken& token) {
  if (::unlinkat(served_.get(), token.str().c_str(), 0) == 0 || errno == ENOENT) {
    return Status::Ok();
  }
  return FromErrno(errno, path_);
}

Result<std::vector<std::string>> Directory::List() const {
  LS_ASSIGN_OR_RETURN(const std::vector<fsutil::Entry> entries, fsutil::ListDirectory(path_));
  std::vector<std::string> out;
  for (const fsutil::Entry& entry : entries) out.push_back(entry.name);
  return out;
}

}  // namespace lockstep::agent::challenge
