// Site files: TOML as operators write it, documented in docs/sites.md.
//
//   [[site]]
//   name = "www.example.test"
//   hosts = ["www.example.test", "example.test"]
//   [site.preset]
//   body = "hello from {node}\n"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/status/status.h"
#include "controller/model/site.h"

namespace lockstep::controller::sites {

inline constexpr size_t kMaxBodyBytes = size_t{64} << 10;
inline constexpr size_t kMaxHosts = 100;  // what one certificate may hold (Let's Encrypt)
inline constexpr size_t kMaxServers = 32;

// The sites of a file, in its order; `updated_at` is left at zero. INVALID_ARGUMENT with every
// error of the file, one per line: "sites.toml:7:9: `site[1].hosts[0]`: host name ...".
Result<std::vector<model::Site>> ParseSites(std::string_view text, const std::string& file_name);

// The site as a file would say it; ParseSites of it gives the same site.
std::string RenderSite(const model::Site& site);

// "preset 200, 42 bytes", "file root /srv/www", "upstream https 10.0.0.5:8443, 10.0.0.6:8443".
std::string SummaryOf(const model::Site& site);

}  // namespace lockstep::controller::sites
