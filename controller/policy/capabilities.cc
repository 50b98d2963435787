#include "controller/policy/capabilities.h"

#include <algorithm>
#include <charconv>

namespace lockstep::controller::policy {
namespace {

using Kind = Capability::Kind;

constexpr std::string_view kCaddy = "caddy/";
constexpr std::string_view kQuicd = "lockstep-quicd/";

// The text of a capability that begins so; empty if there is none.
std::string FindCapability(const std::vector<std::string>& capabilities, std::string_view begin) {
  const auto found = std::ranges::find_if(
      capabilities, [&](const std::string& text) { return text.starts_with(begin); });
  return found == capabilities.end() ? "" : *found;
}

// "caddy/2.6.2" → {2, 6}; {0, 0} for what does not read so.
std::pair<int, int> VersionIn(std::string_view name) {
  std::pair<int, int> out{0, 0};
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos) return out;
  name.remove_prefix(slash + 1);
  if (name.starts_with('v')) name.remove_prefix(1);
  const char* const end = name.data() + name.size();
  const auto [dot, error] = std::from_chars(name.data(), end, out.first);
  if (error != std::errc() || dot == end || *dot != '.') return {0, 0};
  std::from_chars(dot + 1, end, out.second);
  return out;
}

Capability LookAtCaddy(const Server& server, Knob knob) {
  const bool is_newer = VersionIn(server.name) >= std::pair(2, 7);
  switch (knob) {
    case Knob::kDisableActiveMigration:
      // quic-go always sent it, and from 0.53 on never does; which one a Caddy was built with its
      // version does not tell.
      if (is_newer) return {Kind::kNotOffered, ""};
      return {Kind::kFixed, "true"};
    case Knob::kPreferredAddress:
      return {Kind::kNotOffered, ""};
    case Knob::kIdleTimeout:
      return {Kind::kFixed, "30s"};
  }
  return {};
}

}  // namespace

std::string Describe(const Capability& capability) {
  switch (capability.kind) {
    case Kind::kHonoured:
      return "honoured";
    case Kind::kFixed:
      return "fixed to " + capability.value;
    case Kind::kNotOffered:
      return "not offered";
  }
  return "unknown";
}

bool HasQuicd(const std::vector<std::string>& capabilities) {
  return !FindCapability(capabilities, kQuicd).empty();
}

Server ServerOf(model::QuicServer kind, const std::vector<std::string>& capabilities) {
  const auto named = [&](std::string_view begin) {
    const std::string found = FindCapability(capabilities, begin);
    return found.empty() ? std::string(begin.substr(0, begin.size() - 1)) : found;
  };
  switch (kind) {
    case model::QuicServer::kQuicd:
      return {kind, named(kQuicd)};
    case model::QuicServer::kCaddy:
      return {kind, named(kCaddy)};
    case model::QuicServer::kNone:
      break;
  }
  return {kind, "nobody"};
}

Capability Look(const Server& server, Knob knob) {
  switch (server.kind) {
    case model::QuicServer::kQuicd:
      return {Kind::kHonoured, ""};
    case model::QuicServer::kCaddy:
      return LookAtCaddy(server, knob);
    case model::QuicServer::kNone:
      break;
  }
  return {Kind::kNotOffered, ""};
}

}  // namespace lockstep::controller::policy
