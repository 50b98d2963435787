// Policy files: TOML as operators write it, documented in docs/operations.md.
//
//   [fleet]
//   quic_server = "quicd"
//   situation = "anycast"
//   [[pop]]
//   name = "par"
//   situation = "embedded"
//   [[node]]
//   name = "fra1"
//   preferred_v4 = { advertised = "192.0.2.7", bound = "10.0.0.7" }
//   [[site]]
//   name = "www.example.test"
//   idle_timeout = "1m"
#pragma once

#include <string>
#include <string_view>

#include "common/status/status.h"
#include "controller/model/edge_policy.h"

namespace lockstep::controller::policy {

inline constexpr Micros kShortestIdleTimeout = Seconds(1);
inline constexpr Micros kLongestIdleTimeout = std::chrono::minutes(10);
// Of a promise of HTTP/3. A browser that fails once avoids it for longer than the shortest.
inline constexpr Micros kShortestAltSvc = Seconds(300);
inline constexpr Micros kLongestAltSvc = std::chrono::hours(24 * 30);

// INVALID_ARGUMENT with every error of the file, one per line. What QUIC cannot express is one:
// "policy.toml:4:1: `pop[0].preferred_address`: ...".
Result<model::EdgePolicy> ParsePolicy(std::string_view text, const std::string& file_name);

// The policy as a file would say it; ParsePolicy of it gives the same policy.
std::string RenderPolicy(const model::EdgePolicy& policy);

// "250ms", "30s", "5m": as a file says it.
std::string DurationWord(Micros duration);

}  // namespace lockstep::controller::policy
