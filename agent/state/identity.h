// Identity: who this node is to the fleet, on disk.
//
//   <dir>/enrolling.pem            0600: the key of an enrolment that has not ended yet
//   <dir>/current -> pair-<serial>  swapped in one rename: key, certificate and CA change together
//   <dir>/pair-<serial>/{key,cert,ca}.pem
#pragma once

#include <string>
#include <string_view>

#include "agent/state/manifest.h"
#include "common/base/clock.h"
#include "common/base/names.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"
#include "common/status/status.h"

namespace lockstep::agent::state {

// "lockstep://fleet/node/fra1" in the certificate's subjectAltName.
struct Identity {
  NodeName node;
  crypto::Certificate certificate;
  crypto::Certificate ca;

  Authority authority() const { return Authority{node, ca}; }
  // Daily, though it lives 30 days: a controller that is away for a week orphans nobody.
  bool NeedsRenewal(WallTime now) const { return now - certificate.NotBefore() >= kRenewAfter; }
  static constexpr Micros kRenewAfter = std::chrono::hours(24);
};

class IdentityStore {
 public:
  // Makes the directory (0700) if need be.
  static Result<IdentityStore> Open(std::string directory);

  // The key to enrol with: the same one until Install, so that a reply that was lost can be asked
  // for again.
  Result<crypto::PrivateKey> EnrollmentKey();

  // Makes (key, certificate, CA) the identity, or changes nothing. FAILED_PRECONDITION unless the
  // certificate is for `key`, names a node, is signed by the CA and holds at `now`.
  Result<Identity> Install(const crypto::PrivateKey& key, std::string_view certificate_pem,
                           std::string_view ca_pem, WallTime now);

  // NOT_FOUND (with the command to run) on a machine that has not been enrolled. An identity that
  // has expired is returned all the same: the controller says no, not we.
  Result<Identity> Get() const;

  // Of an Install that was cut short: its files, a private key among them, and a pair that never
  // became the identity. Nobody may be installing meanwhile.
  Status RemoveUnfinished() const;

  std::string KeyPath() const { return directory_ + "/current/key.pem"; }
  std::string CertificatePath() const { return directory_ + "/current/cert.pem"; }
  std::string CaPath() const { return directory_ + "/current/ca.pem"; }

 private:
  explicit IdentityStore(std::string directory) : directory_(std::move(directory)) {}
  Result<Identity> Read(const std::string& pair) const;
  void PruneOldPairs(std::string_view keep) const;
  std::string directory_;
};

}  // namespace lockstep::agent::state
