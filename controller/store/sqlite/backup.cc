#include "controller/store/sqlite/backup.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/base/fd.h"
#include "common/fsutil/files.h"

namespace lockstep::controller::store::sqlite {
namespace {

Status WriteCopy(Connection& connection, const std::string& partial) {
  // VACUUM INTO takes an empty file, and so the mode is ours from the first byte on.
  const Fd fd(open(partial.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return FromErrno(errno, "cannot make backup " + partial);
  LS_RETURN_IF_ERROR(Guarded(connection, [&]() -> Status {
    connection.Execute("VACUUM INTO ?", partial);
    return Status::Ok();
  }));
  if (fsync(fd.get()) != 0) return FromErrno(errno, "cannot sync backup " + partial);
  return Status::Ok();
}

}  // namespace

Status CopyDatabase(Connection& connection, const std::string& to) {
  const std::string partial = to + ".partial";
  LS_RETURN_IF_ERROR(fsutil::RemoveFile(partial));  // of a run that was killed
  Status status = WriteCopy(connection, partial);
  if (status.ok() &&
      renameat2(AT_FDCWD, partial.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    status = errno == EEXIST ? AlreadyExists("backup " + to + " exists: choose another name")
                             : FromErrno(errno, "cannot make backup " + to);
  }
  if (!status.ok()) {
    unlink(partial.c_str());
    return status;
  }
  return fsutil::SyncDirectory(std::filesystem::absolute(to).parent_path());
}

}  // namespace lockstep::controller::store::sqlite
