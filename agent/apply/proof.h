// PURE: what a look must show, and whether it did.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/reconcile/looks.h"
#include "common/look/observer.h"

namespace lockstep::agent::apply {

// A look, what it must see, and the transport parameters where they are ours to choose.
struct Expectation {
  look::Look look;
  std::string expected;  // the leaf's SHA-256 in lower-case hex; the site's mark
  std::optional<reconcile::QuicExpectation> quic = {};
};
std::vector<Expectation> Expectations(const std::vector<reconcile::Look>& looks);
std::vector<look::Look> LooksOf(const std::vector<Expectation>& expectations);

// Empty if `seen` is as expected, else why not: "QUIC handshake for www.example.test at
// 203.0.113.10 showed leaf 03fe… and not 9a17…", or "… offered the preferred address
// 10.77.2.2:443 and not 10.77.1.2:443".
std::string WhyNot(const Expectation& expected, const types::v1::Observation& seen);

// Of everything: one look per address, TLS, at a name that is served there. Tells a server that was
// restarted or is gone from one that serves.
std::vector<Expectation> Canaries(const std::vector<Expectation>& everything);

}  // namespace lockstep::agent::apply
