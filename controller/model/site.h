// Sites: desired state, as operators apply it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"

namespace lockstep::controller::model {

// A fixed answer; `{node}`, `{pop}`, `{protocol}` in the body are replaced on the node.
struct Preset {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;  // at most 64 KiB
  friend bool operator==(const Preset&, const Preset&) = default;
};

struct FileRoot {
  std::string path;  // absolute, on the node
  friend bool operator==(const FileRoot&, const FileRoot&) = default;
};

struct Upstream {
  std::vector<std::string> servers;  // "host:port", at least one
  bool tls = false;
  friend bool operator==(const Upstream&, const Upstream&) = default;
};

struct Site {
  std::string name;             // 1-253 of a-z 0-9 . -
  std::vector<Hostname> hosts;  // at least one
  std::variant<Preset, FileRoot, Upstream> content;
  WallTime updated_at;
  friend bool operator==(const Site&, const Site&) = default;
};

}  // namespace lockstep::controller::model
