// From the certificates a peer sent to what we note of them.
#pragma once

#include <string>
#include <vector>

#include "common/probe/observation.h"
#include "common/status/status.h"

namespace lockstep::probe {

// `chain` holds DER certificates as the peer sent them, leaf first. Fails if there is none or the
// leaf is no X.509 certificate; the further fingerprints are filled in regardless.
Status ObserveChain(const std::vector<std::string>& chain, CertificateObservation* out);

}  // namespace lockstep::probe
