// Looks: what must be seen on the wire before a node may say that it serves something.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "agent/reconcile/desired.h"
#include "agent/reconcile/plan.h"

namespace lockstep::agent::reconcile {

enum class LookKind { kTls, kQuic, kSite };

// A handshake or a request at one of the node's own listeners, and what it must show.
struct Look {
  LookKind kind = LookKind::kTls;
  Hostname host;  // the SNI, the Host header
  IpAddress address;
  std::string expected;  // the leaf's SHA-256 in lower-case hex; the site's mark
  friend auto operator<=>(const Look&, const Look&) = default;
};

struct Looks {
  std::vector<Look> changed;     // before the acknowledgement
  std::vector<Look> background;  // after it, in a sweep
};

// Every name with a certificate × every service address (the node's own, while there is none) ×
// {TLS, QUIC}, each once and in a fixed order. Changed are names with another leaf, and everything
// on an address that is new. Where certificates changed at all, servers may have opened their QUIC
// listeners anew: one QUIC look per address is then among the changed ones, whatever its name.
//
// And every site × every such address: whether this version of it is served. One of its hosts
// speaks for all of them, since a server takes its configuration whole or not at all: the first
// that has a certificate, where most of its clients are, else the first.
Looks ExpectedLooks(const Desired& desired, const Changes& changes);

}  // namespace lockstep::agent::reconcile
