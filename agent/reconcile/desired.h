// Desired: a snapshot's resources, parsed and checked, as drivers take them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/base/names.h"
#include "common/snapshot/snapshot.h"
#include "common/status/status.h"

namespace lockstep::agent::reconcile {

struct Preset {
  int status = 200;
  std::string content_type;
  std::string body;  // with {node}, {pop}, {protocol}
};
struct FileRoot {
  std::string path;
};
struct Upstream {
  std::vector<std::string> servers;  // "host:port"
  bool tls = false;
};

struct Site {
  std::string name;
  std::vector<Hostname> hosts;
  std::vector<Hostname> secure_hosts;  // served on 443 and redirected there from 80
  std::variant<Preset, FileRoot, Upstream> content;
};

struct Certificate {
  std::string name;
  uint64_t revision = 0;
  std::vector<Hostname> hosts;
  std::string chain_pem;
  std::string key_pem;  // secret
  std::string leaf_sha256;  // lower-case hex
  WallTime not_after;
};

struct Peer {
  NodeName node;
  PopName pop;
  std::vector<IpAddress> addresses;
};

struct Desired {
  NodeName node;
  PopName pop;
  std::vector<IpAddress> node_addresses;
  std::vector<IpAddress> service_addresses;
  std::string account_thumbprint;  // empty if not known
  bool pull_challenges = false;
  std::vector<Peer> peers;
  std::vector<Site> sites;                // by name
  std::vector<Certificate> certificates;  // by name
};

// INVALID_ARGUMENT naming the resource and the field. Types that are not known are ignored.
Result<Desired> ParseDesired(const snapshot::Snapshot& snapshot);

}  // namespace lockstep::agent::reconcile
