// Admin: what the driver asks of a Caddy's admin API.
#pragma once

#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep::agent::drivers::caddy {

// Blocking, one call at a time. UNAVAILABLE while Caddy cannot be reached, DEADLINE_EXCEEDED when
// it does not answer in time, INVALID_ARGUMENT with Caddy's words when it refuses.
class Admin {
 public:
  virtual ~Admin() = default;
  // Replaces the whole config; Caddy answers once the new one runs.
  virtual Status Load(std::string_view json) = 0;
  // The JSON of the config below `path` ("" is all of it, "/apps/http" a part); "null" where there
  // is nothing.
  virtual Result<std::string> GetConfig(std::string_view path) = 0;
  // Replaces what is there, or adds what is not. Loads the config anew even if nothing changes by
  // it.
  virtual Status SetConfig(std::string_view path, std::string_view json) = 0;
  // Ends Caddy once the requests under way have had the config's grace period.
  virtual Status Stop() = 0;
};

}  // namespace lockstep::agent::drivers::caddy
