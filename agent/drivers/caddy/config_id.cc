#include "agent/drivers/caddy/config_id.h"

#include <algorithm>

namespace lockstep::agent::drivers::caddy {
namespace {

constexpr std::string_view kPrefix = "lockstep-";
constexpr size_t kDigits = 16;

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string ConfigId::ToString() const {
  return std::string(kPrefix) + certificates + "-" + config;
}

std::optional<ConfigId> ConfigId::Parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  if (text.size() != 2 * kDigits + 1 || text[kDigits] != '-') return std::nullopt;
  ConfigId out{std::string(text.substr(0, kDigits)), std::string(text.substr(kDigits + 1))};
  if (!IsHex(out.certificates) || !IsHex(out.config)) return std::nullopt;
  return out;
}

}  // namespace lockstep::agent::drivers::caddy
