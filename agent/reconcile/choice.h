// Choice: which of the certificates on this node a fallback may serve.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "agent/reconcile/desired.h"

namespace lockstep::agent::reconcile {

// A certificate of another generation on this node.
struct HeldCertificate {
  const Certificate* certificate;
  bool proved = false;  // this node has served it, seen on the wire
};

struct CertificateChoice {
  const Certificate* certificate = nullptr;  // never null
  std::string warning;                       // for operators; empty if there is nothing to say
};

// What to serve where a fallback (a local rollback, a start from last-known-good) comes with
// `offered`. Only a held certificate that is valid at `now` and has all names of `offered` can take
// its place:
//  - any such one if `offered` has expired, a proved one before an unproved one;
//  - if `offered` is valid, a later revision of the same lineage that was proved. An unproved one
//    may be what the rollback is rolling back.
// Among these the one that lasts longest. If only expired ones are there, the one that expired last
// is served, with a warning. Revocation is not known here: the controller takes a revoked
// certificate out of the snapshot, and with it out of every later generation.
CertificateChoice ChooseCertificate(std::span<const HeldCertificate> held,
                                    const Certificate& offered, WallTime now);

// `offered` with each certificate as ChooseCertificate decides among `held`, and the warnings.
struct Fallback {
  Desired desired;
  std::vector<std::string> warnings;
};
Fallback ChooseFallback(const Desired& offered, std::span<const HeldCertificate> held,
                        WallTime now);

}  // namespace lockstep::agent::reconcile
