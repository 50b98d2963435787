// ConfigId: how a config that Caddy runs says that we wrote it, and with what.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lockstep::agent::drivers::caddy {

// Stands in the config's own "@id", which Caddy keeps and otherwise ignores:
// "lockstep-<certificates>-<config>", 16 hex digits each.
struct ConfigId {
  // Of the certificates in the config. Caddy < 2.7 serves on HTTP/3 those with which the QUIC
  // listener was opened; the driver never lets a config whose certificates differ keep it open.
  std::string certificates;
  // Of all of the config but this id.
  std::string config;

  std::string ToString() const;
  // Absent if it is none of ours.
  static std::optional<ConfigId> Parse(std::string_view text);
  friend bool operator==(const ConfigId&, const ConfigId&) = default;
};

}  // namespace lockstep::agent::drivers::caddy
