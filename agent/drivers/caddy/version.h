// Version: which Caddy this is, and what that means for HTTP/3.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep::agent::drivers::caddy {

struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;

  // The first word of what `caddy version` prints: "2.6.2", "v2.7.6 h1:…". Absent if it is none.
  static std::optional<Version> Parse(std::string_view text);
  std::string ToString() const;
  friend auto operator<=>(const Version&, const Version&) = default;
};

// Runs `program version`: the admin API does not tell.
Result<Version> AskVersion(const std::string& program);

// Before 2.7.0 the QUIC listener serves for ever the certificates with which it was opened (Caddy,
// see #4849 there). A version that is not known counts as one of these: being wrong about that
// costs QUIC connections, being wrong about the other serves expired certificates.
bool KeepsOldCertificatesOnHttp3(const std::optional<Version>& version);

}  // namespace lockstep::agent::drivers::caddy
