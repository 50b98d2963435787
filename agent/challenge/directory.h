// Directory: the challenge files that the local web server serves.
//
// One file per token, served for any Host: a key authorization is no secret towards who knows the
// token, and certbot's account is the same for all names. The web server follows links and lists
// what it finds, so nobody but the agent may write here: the directory is 2750 with the web
// server's group, files are 0640 and appear by a rename from `<directory>.staging`, complete.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/fd.h"
#include "common/base/names.h"
#include "common/status/status.h"

namespace lockstep::agent::challenge {

class Directory {
 public:
  // Makes both directories if need be and removes every file: what a crash left has no lease.
  // FAILED_PRECONDITION if the path is a link or holds what is no file of ours.
  static Result<Directory> Open(const std::string& path);

  // The file is there, complete, or an error says why not. Not synced: a challenge does not outlive
  // a power cut.
  Status Put(const ChallengeToken& token, std::string_view key_authorization);
  // A missing file is fine.
  Status Remove(const ChallengeToken& token);
  // The tokens that are there.
  Result<std::vector<std::string>> List() const;

 private:
  Directory(std::string path, Fd served, Fd staging, gid_t group)
      : path_(std::move(path)),
        served_(std::move(served)),
        staging_(std::move(staging)),
        group_(group) {}
  Status Empty();
  Status Stage(const std::string& name, std::string_view bytes);

  std::string path_;
  Fd served_;  // both directories are held open: a link put in their place later changes nothing
  Fd staging_;
  gid_t group_;
};

}  // namespace lockstep::agent::challenge
