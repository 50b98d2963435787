// A lineage's own certbot directory, so that orders run side by side.
//
//   <root>/accounts                     shared by all lineages
//   <root>/<lineage>/{config,work,logs} 0700
//   <root>/<lineage>/config/accounts    -> <root>/accounts
//     of which work holds tmp, the temporary files of one run of certbot
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/crypto/secret.h"
#include "common/status/status.h"

namespace lockstep::controller::drivers::certbot {

// What certbot left, checked.
struct Issued {
  std::string chain_pem;  // leaf first
  crypto::Secret key_pem;
  std::string leaf_sha256;  // lower-case hex
};

class LineageDirectory {
 public:
  // `name` is a file name: a host name, or "register" for the directory that registers accounts.
  LineageDirectory(std::string root, std::string name)
      : root_(std::move(root)), name_(std::move(name)) {}

  std::string config() const { return path() + "/config"; }
  std::string work() const { return path() + "/work"; }
  std::string temporary() const { return work() + "/tmp"; }
  std::string logs() const { return path() + "/logs"; }
  std::string log() const { return logs() + "/letsencrypt.log"; }
  std::string accounts() const { return root_ + "/accounts"; }

  // Makes the directories and clears what a killed run left, of certbot or of this program: unused
  // keys and requests, temporary files, and a lineage that was not written to its end, on which
  // certbot would stumble or make "name-0001".
  // The log of the run before is kept as letsencrypt.log.previous.
  Status Prepare() const;

  // The certificate on disk. FAILED_PRECONDITION unless it can be served for exactly `hosts` at
  // `now` (crypto::CheckChain), or if its leaf is `not_leaf_sha256`, the one we had before.
  Result<Issued> Read(const std::vector<Hostname>& hosts, const std::string& not_leaf_sha256,
                      WallTime now) const;

 private:
  std::string path() const { return root_ + "/" + name_; }
  std::string Live(const char* file) const { return config() + "/live/" + name_ + "/" + file; }
  bool IsComplete() const;

  std::string root_;
  std::string name_;
};

}  // namespace lockstep::controller::drivers::certbot
