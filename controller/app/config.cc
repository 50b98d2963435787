#include "controller/app/config.h"

#include <cstdlib>

#include "common/base/hostname.h"
#include "common/conf/conf.h"

namespace lockstep::controller::app {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

// systemd puts credentials in a directory of its own (systemd.exec(5), LoadCredential=).
std::string DefaultKeyFile(const std::string& state_dir) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  return credentials != nullptr ? std::string(credentials) + "/lockstep-kek" : state_dir + "/kek";
}

std::vector<IpAddress> ReadLooksFrom(const conf::Table& table) {
  if (!table.Has("looks_from")) return {};
  std::vector<IpAddress> out = table.RequiredHostAddresses("looks_from");
  if (out.size() > 2 || (out.size() == 2 && out[0].family() == out[1].family())) {
    table.Reject("looks_from", "must hold at most one address of each family");
  }
  return out;
}

Config::Listen ReadListen(const conf::Table& table) {
  Config::Listen out;
  out.agents = table.Required<Endpoint>("agents");
  out.enroll = table.Required<Endpoint>("enroll");
  if (table.Has("agents") && out.agents == out.enroll) {
    table.Reject("enroll", "must differ from listen.agents: enrolment has its own listener");
  }
  out.admin_socket = table.PathOr("admin_socket", "/run/lockstep/admin/admin.sock");
  out.admin_group = table.Or<std::string>("admin_group", "");
  out.hook_socket = table.PathOr("hook_socket", "/run/lockstep/hook/hook.sock");
  out.looks_from = ReadLooksFrom(table);
  out.names = table.Or<std::vector<std::string>>("names", {"lockstep-controller"});
  if (out.names.empty()) table.Reject("names", "must hold at least one name");
  return out;
}

Config::FleetSettings ReadFleet(const conf::Table& table) {
  Config::FleetSettings out;
  out.name = table.Or<std::string>("name", "lockstep");
  out.service_addresses = table.RequiredHostAddresses("service_addresses");
  out.heartbeat = table.DurationOr("heartbeat", Seconds(1), minutes(5), Seconds(10));
  return out;
}

Config::Acme ReadAcme(const conf::Table& table) {
  Config::Acme out;
  out.server = table.Required<std::string>("server");
  if (table.Has("server") && !out.server.starts_with("https://")) {
    table.Reject("server", "must be the https:// address of an ACME directory");
  }
  out.email = table.Required<std::string>("email");
  if (table.Has("email") &&
      (out.email.find('@') == std::string::npos || out.email.front() == '-')) {
    table.Reject("email", "must be a mail address");
  }
  out.ca_bundle = table.PathOr("ca_bundle", "");
  out.certbot = table.PathOr("certbot", "/usr/bin/certbot");
  out.plugin_dir = table.PathOr("plugin_dir", "/usr/share/lockstep/certbot");
  out.hook_program = table.PathOr("hook_program", "/usr/libexec/lockstep/lockstep-certbot-hook");
  out.caa_domain = table.Or<std::string>("caa_domain", "");
  out.parallel = static_cast<int>(table.IntegerOr("parallel", {1, 64}, 4));
  out.order_deadline = table.DurationOr("order_deadline", Seconds(10), hours(1), Seconds(300));
  return out;
}

Config::Barrier ReadBarrier(const conf::Table& table) {
  using Straggler = barrier::Policy::Straggler;
  Config::Barrier out;
  out.deadline = table.DurationOr("deadline", Seconds(1), minutes(30), Seconds(60));
  out.policy.straggler = table.WordOr<Straggler>(
      "straggler",
      {{"wait", Straggler::kWait}, {"pull", Straggler::kPull}, {"tolerate", Straggler::kTolerate}},
      Straggler::kWait);
  out.policy.tolerate = static_cast<int>(table.IntegerOr("tolerate", {0, 1000}, 0));
  if (out.policy.tolerate > 0 && out.policy.straggler != Straggler::kTolerate) {
    table.Reject("tolerate", "only counts with straggler = \"tolerate\"");
  }
  out.lease = table.DurationOr("lease", Seconds(3), minutes(10), Seconds(30));
  return out;
}

Config::RolloutSettings ReadRollout(const conf::Table& table) {
  Config::RolloutSettings out;
  for (const std::string& text :
       table.Or<std::vector<std::string>>("waves", {"1", "10%", "50%", "100%"})) {
    auto wave = planner::WaveSize::Parse(text);
    if (wave.ok()) {
      out.waves.push_back(*wave);
    } else {
      table.Reject("waves", wave.status().message());
    }
  }
  out.soak = table.DurationOr("soak", Micros(0), hours(24), Seconds(30));
  out.wave_deadline = table.DurationOr("wave_deadline", Seconds(5), hours(1), Seconds(60));
  out.deadline = table.DurationOr("deadline", Seconds(10), hours(48), hours(1));
  return out;
}

promises::Options ReadAltSvc(const conf::Table& table) {
  promises::Options out;
  const auto hold = [&table](std::string_view key, edge::Rung* rung) {
    rung->held = table.DurationOr(key, Seconds(1), hours(24 * 30), rung->held);
  };
  hold("hold_5m", &out.rungs[0]);
  hold("hold_1h", &out.rungs[1]);
  hold("hold_1d", &out.rungs[2]);
  out.after_step_back =
      table.DurationOr("after_step_back", Seconds(1), hours(24), out.after_step_back);
  out.watch = table.DurationOr("watch", Seconds(1), minutes(10), out.watch);
  out.keeping.confirm = table.DurationOr("confirm", Seconds(1), hours(1), out.keeping.confirm);
  out.keeping.release = table.DurationOr("release", Seconds(1), hours(24), out.keeping.release);
  out.keeping.floor = static_cast<size_t>(table.IntegerOr("keep_nodes", {1, 100'000}, 1));
  out.ledger.old_connections =
      table.DurationOr("old_connections", Seconds(1), hours(24 * 30), out.ledger.old_connections);
  return out;
}

}  // namespace

Result<Config> Config::FromFile(const std::string& path) {
  LS_ASSIGN_OR_RETURN(const conf::Document document, conf::Document::FromFile(path));
  const conf::Table root = document.root();
  Config out;
  out.state_dir = root.RequiredPath("state_dir");
  out.listen = ReadListen(root.RequiredTable("listen"));
  out.fleet = ReadFleet(root.RequiredTable("fleet"));
  out.acme = ReadAcme(root.RequiredTable("acme"));
  out.barrier = ReadBarrier(root.TableOr("barrier"));
  if (out.acme.order_deadline <= out.barrier.deadline) {
    root.RequiredTable("acme").Reject(
        "order_deadline", "must be longer than barrier.deadline: certbot waits while it runs");
  }
  out.rehearsal =
      root.TableOr("rehearsal")
          .WordOr<witness::RehearsalMode>("mode",
                                          {{"require", witness::RehearsalMode::kRequire},
                                           {"warn", witness::RehearsalMode::kWarn},
                                           {"off", witness::RehearsalMode::kOff}},
                                          witness::RehearsalMode::kRequire);
  out.dns_servers = root.TableOr("dns").Or<std::vector<Endpoint>>("servers", {});
  out.rollout = ReadRollout(root.TableOr("rollout"));
  out.alt_svc = ReadAltSvc(root.TableOr("alt_svc"));
  out.key_encryption_key_file =
      root.TableOr("keys").PathOr("key_encryption_key_file", DefaultKeyFile(out.state_dir));
  LS_RETURN_IF_ERROR(document.Finish());
  return out;
}

}  // namespace lockstep::controller::app
