// Looks: what must be seen on the wire before a node may say that it serves something.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/reconcile/desired.h"
#include "agent/reconcile/plan.h"

namespace lockstep::agent::reconcile {

enum class LookKind { kTls, kQuic, kSite };

// What the transport parameters of a QUIC handshake must say.
struct QuicExpectation {
  bool disable_active_migration = false;
  std::string preferred_ipv4;  // "10.77.1.2:443"; empty: none
  std::string preferred_ipv6;
  // An advertised address is not the bound one: whether it leads here is seen from elsewhere, since
  // NAT need not let the node itself back in.
  bool behind_nat = false;
  friend auto operator<=>(const QuicExpectation&, const QuicExpectation&) = default;
};

// For each name that lockstep-quicd serves; nothing where another server does: its parameters are
// not ours to choose.
std::map<Hostname, QuicExpectation> ExpectedQuic(const Desired& desired);

// A handshake or a request at one of the node's own listeners, and what it must show.
struct Look {
  LookKind kind = LookKind::kTls;
  Hostname host;  // the SNI, the Host header
  IpAddress address;
  std::string expected;  // the leaf's SHA-256 in lower-case hex; the site's mark
  std::optional<QuicExpectation> quic = {};  // of kQuic; unset: whatever the server says
  std::string alt_svc = {};  // of kSite: the Alt-Svc field of the answer; empty: whatever
  friend auto operator<=>(const Look&, const Look&) = default;
};

struct Looks {
  std::vector<Look> changed;     // before the acknowledgement
  std::vector<Look> background;  // after it, in a sweep
};

// Every name with a certificate × every service address (the node's own, while there is none) ×
// {TLS, QUIC}, each once and in a fixed order; QUIC only where somebody serves it. Changed are
// names with another leaf, QUIC of names with other transport parameters or served by another
// server, and everything on an address that is new. Where certificates changed at all, servers may
// have opened their QUIC listeners anew: one QUIC look per address is then among the changed ones,
// whatever its name.
//
// And every site × every such address: whether this version of it is served. One of its hosts
// speaks for all of them, since a server takes its configuration whole or not at all: the first
// that has a certificate, where most of its clients are, else the first.
Looks ExpectedLooks(const Desired& desired, const Changes& changes);

}  // namespace lockstep::agent::reconcile
