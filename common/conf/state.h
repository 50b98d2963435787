// The parsed document behind conf.h; the only header that shows toml++.
#pragma once

// Header-only, so that nothing needs its library at run time; without exceptions, so that none can
// leave this room. It compiles slowly: include it in as few files as can be.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep::conf::internal {

struct Error {
  unsigned int line = 0;  // 0 where there is no place to name
  unsigned int column = 0;
  std::string text;
};

struct State {
  std::string name;
  toml::table root;
  std::vector<Error> errors;
  // Per table that was opened: where it stands, and the keys that were asked for, there or not.
  struct Opened {
    std::string path;
    std::set<std::string, std::less<>> asked;
  };
  std::map<const toml::table*, Opened> opened;

  void Report(const toml::node* where, std::string text);
};

std::string Join(std::string_view path, std::string_view key);

}  // namespace lockstep::conf::internal
