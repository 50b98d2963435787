// Policies as text: the TOML of a policy.
#include "controller/policy/policy_file.h"

namespace lockstep::controller::policy {
namespace {

std::string Line(const std::string& key, const std::string& value) {
  return key + " = " + value + "\n";
}
std::string Text(const std::string& word) { return "\"" + word + "\""; }
std::string Bool(bool value) { return value ? "true" : "false"; }

std::string SettingLines(const model::EdgeSettings& settings) {
  std::string out;
  if (settings.quic_server) {
    out += Line("quic_server", Text(QuicServerName(*settings.quic_server)));
  }
  if (settings.situation) out += Line("situation", Text(SituationName(*settings.situation)));
  if (settings.preferred_address) {
    out += Line("preferred_address", Bool(*settings.preferred_address));
  }
  if (settings.disable_active_migration) {
    out += Line("disable_active_migration", Bool(*settings.disable_active_migration));
  }
  if (settings.idle_timeout) {
    out += Line("idle_timeout", Text(DurationWord(*settings.idle_timeout)));
  }
  if (settings.alt_svc) out += Line("alt_svc", Bool(*settings.alt_svc));
  if (settings.alt_svc_floor) {
    out += Line("alt_svc_floor", Text(DurationWord(*settings.alt_svc_floor)));
  }
  if (settings.alt_svc_ceiling) {
    out += Line("alt_svc_ceiling", Text(DurationWord(*settings.alt_svc_ceiling)));
  }
  return out;
}

std::string AddressLine(const std::string& key,
                        const std::optional<model::PreferredAddress>& address) {
  if (!address) return "";
  std::string table = "{ advertised = " + Text(address->advertised.ToString());
  if (address->bound != address->advertised) {
    table += ", bound = " + Text(address->bound.ToString());
  }
  return Line(key, table + " }");
}

void AddTable(const std::string& heading, const std::string& lines, std::string* out) {
  *out += (out->empty() ? "" : "\n") + heading + "\n" + lines;
}

}  // namespace

std::string DurationWord(Micros duration) {
  if (duration % std::chrono::minutes(1) == Micros(0)) {
    return std::to_string(duration / std::chrono::minutes(1)) + "m";
  }
  if (duration % Seconds(1) == Micros(0)) return std::to_string(duration / Seconds(1)) + "s";
  return std::to_string(duration / Millis(1)) + "ms";
}

std::string RenderPolicy(const model::EdgePolicy& policy) {
  std::string out;
  if (const std::string fleet = SettingLines(policy.fleet); !fleet.empty()) {
    AddTable("[fleet]", fleet, &out);
  }
  for (const auto& [name, settings] : policy.pops) {
    AddTable("[[pop]]", Line("name", Text(name.str())) + SettingLines(settings), &out);
  }
  for (const auto& [name, node] : policy.nodes) {
    AddTable("[[node]]",
             Line("name", Text(name.str())) + SettingLines(node.settings) +
                 AddressLine("preferred_v4", node.preferred_v4) +
                 AddressLine("preferred_v6", node.preferred_v6),
             &out);
  }
  for (const auto& [name, settings] : policy.sites) {
    AddTable("[[site]]", Line("name", Text(name)) + SettingLines(settings), &out);
  }
  return out;
}

}  // namespace lockstep::controller::policy
