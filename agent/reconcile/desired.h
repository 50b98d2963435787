// Desired: a snapshot's resources, parsed and checked, as drivers take them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/reconcile/quic.h"
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
  friend bool operator==(const Preset&, const Preset&) = default;
};
struct FileRoot {
  std::string path;
  friend bool operator==(const FileRoot&, const FileRoot&) = default;
};
struct Upstream {
  std::vector<std::string> servers;  // "host:port"
  bool tls = false;
  friend bool operator==(const Upstream&, const Upstream&) = default;
};

struct Site {
  std::string name;
  std::vector<Hostname> hosts;
  std::vector<Hostname> secure_hosts;  // served on 443 and redirected there from 80
  std::variant<Preset, FileRoot, Upstream> content;
  SiteMark mark = {};                   // of just this version
  std::optional<QuicPolicy> quic = {};  // unset: the server's defaults
  std::string alt_svc = {};             // the whole value of every response; empty: none is sent
  friend bool operator==(const Site&, const Site&) = default;
};

struct Certificate {
  std::string name;
  uint64_t revision = 0;
  std::vector<Hostname> hosts;
  std::string chain_pem;
  std::string key_pem;      // secret
  std::string leaf_sha256;  // lower-case hex
  WallTime not_after;
  friend bool operator==(const Certificate&, const Certificate&) = default;
};

struct Peer {
  NodeName node;
  PopName pop;
  std::vector<IpAddress> addresses;
  friend bool operator==(const Peer&, const Peer&) = default;
};

struct Desired {
  NodeName node;
  PopName pop;
  std::vector<IpAddress> node_addresses;
  std::vector<IpAddress> service_addresses;
  std::string account_thumbprint;  // empty if not known
  bool pull_challenges = false;
  QuicServer quic_server = QuicServer::kCaddy;
  std::optional<QuicIdentity> quic_identity;  // there where quic_server is lockstep-quicd, like
  std::optional<QuicKeys> quic_keys;          // the keys
  std::vector<IpAddress> controller_addresses = {};  // where the controller's own looks come from
  // Of this node alone and in no snapshot: the controller wants QUIC on the service addresses
  // refused.
  bool refuse_quic = false;
  std::vector<Peer> peers;
  std::vector<Site> sites;                // by name
  std::vector<Certificate> certificates;  // by name
  friend bool operator==(const Desired&, const Desired&) = default;
};

// INVALID_ARGUMENT naming the resource and the field. Types that are not known are ignored. The
// node itself is left out of `peers`.
Result<Desired> ParseDesired(const snapshot::Snapshot& snapshot);

// The certificate that each name is served with: where several hold the name, the one that lasts
// longest, then the one re-issued most often, then the last by name. Points into `desired`.
std::map<Hostname, const Certificate*> CertificateByHost(const Desired& desired);

}  // namespace lockstep::agent::reconcile
