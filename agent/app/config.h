// The configuration of lockstep-agent (TOML); docs/operations.md shows a whole one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/status/status.h"

namespace lockstep::agent::app {

struct Config {
  std::string state_dir;

  // [controller]
  Endpoint session;
  Endpoint enroll;
  std::string controller_name;

  // [node]
  std::vector<IpAddress> addresses;

  // [caddy]
  std::string caddy_admin_socket;
  bool caddy_take_over = false;

  // [quicd]
  std::string quicd_control_socket = "/run/lockstep-quicd/control.sock";
  std::string quicd_user = "lockstep-quicd";  // whose process may have that socket, beside our own
  Endpoint quicd_upstream{*IpAddress::Parse("127.0.0.1"), 7445};  // Caddy's listener for it

  // [challenge]
  std::string challenge_directory;
  std::string miss_socket;

  // [bird], [announce]; at most one of them.
  std::optional<std::string> bird_socket;
  std::vector<std::string> bird_may_disable;  // protocols
  std::optional<std::string> announce_file;

  // [apply]
  Micros soak = Seconds(60);
};

// INVALID_ARGUMENT with all errors, one per line.
Result<Config> LoadConfig(const std::string& path);
Result<Config> ParseConfig(std::string_view text, std::string name);

}  // namespace lockstep::agent::app
