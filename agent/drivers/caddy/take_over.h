// Taking over: whose config a Caddy runs, and what becomes of one that is not ours.
#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/status/status.h"

namespace lockstep::agent::drivers::caddy {

// What a config that Caddy shows serves, by the names of its apps ("http, tls"); empty for one that
// serves nothing, such as a bare admin block. DATA_LOSS if it is no config at all.
Result<std::string> AppsOf(std::string_view config_json);

// Keeps `config_json`, which may hold private keys, as <directory>/caddy-<time>.json (0600) and
// returns that path. The directory is made private.
Result<std::string> KeepCopy(const std::string& directory, std::string_view config_json,
                             WallTime now);

}  // namespace lockstep::agent::drivers::caddy
