// Who may issue certificates for a name (RFC 8659).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status/status.h"

namespace lockstep::dns {

struct CaaRecord {
  bool critical = false;
  std::string tag;    // lower case: "issue", "issuewild", "iodef", or one we do not know
  std::string value;  // as it is in the record: "letsencrypt.org; validationmethods=http-01"

  friend bool operator==(const CaaRecord&, const CaaRecord&) = default;
};

// The relevant record set of a name: that of its closest ancestor (or itself) that has one.
struct CaaSet {
  std::string owner;  // where it was found; "" = nowhere, every CA may issue
  std::vector<CaaRecord> records;
};

// One CAA record's data (RFC 8659 §4.1). DataLoss if it is malformed.
Result<CaaRecord> ParseCaa(std::string_view rdata);

// Ok if `set` lets the CA known as `ca_domain` ("letsencrypt.org") issue for the name itself (no
// wildcard) by HTTP-01; PermissionDenied says which record stands against it. `accounturi` (RFC
// 8657 §3) is not judged: only the CA knows which account asks.
Status JudgeCaa(const CaaSet& set, std::string_view ca_domain);

}  // namespace lockstep::dns
