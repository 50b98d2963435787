#include "common/base/fd.h"

#include <unistd.h>

namespace lockstep {

void Fd::Reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace lockstep
