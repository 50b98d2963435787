// The DNS records that agree with what a site promises, as text for a zone file.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/status/status.h"
#include "controller/edge/alt_svc.h"

namespace lockstep::controller::edge {

struct ZoneInput {
  struct Host {
    Hostname name;
    bool secure = false;  // a certificate answers for it
  };
  std::vector<Host> hosts;
  std::vector<IpAddress> service_addresses;
  // What is advertised now. A node's own alternative does not belong into the DNS: every client of
  // the name would be sent there.
  AltSvc advertised;
  Seconds ttl{3600};  // shortened to the age that is promised
};

// A, AAAA and HTTPS records of every host, fully qualified (RFC 1035 §5.1, RFC 9460 §2.1). No HTTPS
// record for a host without a certificate: it would send clients to port 443 (RFC 9460 §9.5). Hints
// only where the target is another name (§7.3), and then of all families there are.
// FAILED_PRECONDITION without a service address.
Result<std::string> RenderZone(const ZoneInput& input);

}  // namespace lockstep::controller::edge
