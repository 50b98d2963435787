// The controller's own server certificate, renewed by itself.
//
//   <dir>/current -> pair-<serial>/      swapped in one rename, so that whoever follows the link
//   <dir>/pair-<serial>/{cert,key}.pem   never sees a certificate with another's key
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/status/status.h"
#include "controller/identity/fleet_ca.h"

namespace lockstep::controller::identity {

class ServerIdentity {
 public:
  // `ca` must outlive it.
  ServerIdentity(const FleetCa& ca, std::string directory, std::vector<std::string> dns_names,
                 std::vector<IpAddress> addresses);

  // Makes a new pair if there is none, it is damaged, of another CA, lacks a configured name, or
  // two thirds of its life are gone. True if it did. Call at start and from a timer.
  Result<bool> EnsureFresh(WallTime now);
  // When EnsureFresh is due next.
  Result<WallTime> NextRenewal() const;

  std::string CertificatePath() const;  // <dir>/current/cert.pem: leaf, then CA
  std::string KeyPath() const;          // <dir>/current/key.pem

 private:
  // Why the present pair must be replaced; empty if it need not.
  std::string ReasonToReplace(WallTime now) const;
  Status Publish(WallTime now);
  void PruneOldPairs(const std::string& current) const;

  const FleetCa& ca_;
  std::string directory_;
  std::vector<std::string> dns_names_;
  std::vector<IpAddress> addresses_;
};

}  // namespace lockstep::controller::identity
