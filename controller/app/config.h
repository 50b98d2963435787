// The controller's configuration file (TOML), typed; docs/operations.md lists every key.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/status/status.h"
#include "controller/barrier/barrier.h"
#include "controller/planner/waves.h"
#include "controller/promises/promises.h"
#include "controller/witness/rehearsal.h"

namespace lockstep::controller::app {

struct Config {
  std::string state_dir;

  struct Listen {
    Endpoint agents;
    Endpoint enroll;
    std::string admin_socket;
    std::string admin_group;  // whose members are operators too; empty: root and our own uid only
    std::string hook_socket;
    // Where its own looks at nodes come from, one of each family at most; empty: the kernel
    // chooses.
    std::vector<IpAddress> looks_from;
    // DNS names of the controller's own certificate; agents check the first.
    std::vector<std::string> names;
  } listen;

  struct FleetSettings {
    std::string name;
    std::vector<IpAddress> service_addresses;
    Micros heartbeat{0};
  } fleet;

  struct Acme {
    std::string server;
    std::string email;
    std::string ca_bundle;  // empty: the system's
    std::string certbot;
    std::string plugin_dir;
    std::string hook_program;
    std::string caa_domain;  // empty: CAA is shown, not judged
    int parallel = 4;
    Micros order_deadline{0};
  } acme;

  struct Barrier {
    Micros deadline{0};
    barrier::Policy policy;
    Micros lease{0};
  } barrier;

  witness::RehearsalMode rehearsal = witness::RehearsalMode::kRequire;
  std::vector<Endpoint> dns_servers;  // empty: the zones' own servers, found by the system's

  struct RolloutSettings {
    std::vector<planner::WaveSize> waves;
    Micros soak{0};
    Micros wave_deadline{0};
    Micros deadline{0};
  } rollout;

  promises::Options alt_svc;

  std::string key_encryption_key_file;

  // Every error at once, one per line.
  static Result<Config> FromFile(const std::string& path);

  std::string DatabasePath() const { return state_dir + "/lockstep.db"; }
  std::string CaDirectory() const { return state_dir + "/ca"; }
  std::string ServerIdentityDirectory() const { return state_dir + "/server"; }
  std::string CertbotDirectory() const { return state_dir + "/certbot"; }
};

}  // namespace lockstep::controller::app
