// A place where a write beyond `bytes` fails: a tiny tmpfs as root (ENOSPC), otherwise the limit on
// file sizes (EFBIG).
#pragma once

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "tests/fakes/temp_directory.h"

namespace lockstep::fsutil {

class FullDisk {
 public:
  FullDisk() {
    mounted_ = ::geteuid() == 0 &&
               ::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=64k,mode=0700") == 0;
    if (mounted_) return;
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small = {65536, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    if (mounted_) {
      ::umount2(directory_.path().c_str(), MNT_DETACH);
    } else {
      ::setrlimit(RLIMIT_FSIZE, &before_);
    }
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

  std::string operator/(const std::string& name) const { return directory_ / name; }

 private:
  fakes::TempDirectory directory_;
  bool mounted_ = false;
  rlimit before_ = {};
};

}  // namespace lockstep::fsutil
