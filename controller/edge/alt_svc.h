// Alt-Svc: the field by which a response names other places that serve its origin (RFC 7838).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/status/status.h"
#include "controller/model/promise.h"

namespace lockstep::controller::edge {

using model::Alternative;

// h3=":443", the one that a fleet of anycast addresses advertises.
Alternative SameHostHttp3();

// As it stands in the field, without parameters: h3=":443".
std::string ToString(const Alternative& alternative);

struct AltSvcEntry {
  Alternative alternative;
  Seconds max_age{86400};  // RFC 7838 §3.1: what a client takes where `ma` is absent
  bool persist = false;    // to be kept when the client's network changes
  friend bool operator==(const AltSvcEntry&, const AltSvcEntry&) = default;
};

// A whole value. What it does not list, a client that sees it forgets.
struct AltSvc {
  bool clear = false;  // "clear": forget everything
  std::vector<AltSvcEntry> entries;
  friend bool operator==(const AltSvc&, const AltSvc&) = default;
};

// Reads a value as a server sent it. INVALID_ARGUMENT saying what is wrong and where for anything
// that RFC 7838 §3 does not let a server send; unknown parameters are allowed and left out. "clear"
// beside entries is read, since a client meets it: what it means is judged by lint.
Result<AltSvc> ParseAltSvc(std::string_view value);

// The value to send, `ma` always spelt out; empty for nothing at all.
std::string RenderAltSvc(const AltSvc& alt_svc);

// The one complete value for these alternatives, best first; each is promised for `max_age`.
AltSvc Promise(const std::vector<Alternative>& alternatives, Seconds max_age, bool persist);

// What must hold before an alternative may be promised across a change of the client's network.
struct OriginFacts {
  bool anycast = false;        // every place that serves it holds the same addresses
  bool sole_operator = false;  // no address of its names is somebody else's
};

// Why `persist` would not be true of this alternative; empty if it would. A client that moves keeps
// what persists, and must find it as good from where it is then.
std::string WhyNotPersistent(const Alternative& alternative, const OriginFacts& origin);

}  // namespace lockstep::controller::edge
