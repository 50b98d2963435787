// Observer: the seam between who wants something seen and the wire.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/base/names.h"
#include "lockstep/types/v1/observation.pb.h"

namespace lockstep::look {

// Among the capabilities of a node that answers looks at its sites, and looks at others'.
inline constexpr char kSiteCapability[] = "look/site";

// What is looked at, and where. Ports are the observer's: 80 for challenges, 443 for handshakes,
// 443 and then 80 for sites.
struct Look {
  types::v1::ProbeKind kind = types::v1::PROBE_KIND_UNSPECIFIED;
  IpAddress address;
  Hostname host;                         // Host header or SNI
  std::optional<ChallengeToken> token;   // for PROBE_KIND_CHALLENGE
  std::optional<SiteMark> mark = {};     // for PROBE_KIND_SITE
  bool follow_preferred_address = true;  // for PROBE_KIND_QUIC
  // For PROBE_KIND_SITE: what the Alt-Svc field of an answer over TLS must say; empty: whatever.
  std::string alt_svc = {};
};

// Thread-safe; blocks until there is an answer, `deadline` has passed or a stop is asked for. Never
// fails: what went wrong is in the observation's `error`.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual types::v1::Observation Observe(const Look& look, Micros deadline,
                                         std::stop_token stop) = 0;
};

// An observation with everything but what was seen.
types::v1::Observation Unseen(const Look& look, WallTime observed_at);

}  // namespace lockstep::look
