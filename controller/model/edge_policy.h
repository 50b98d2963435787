// The edge policy, as operators apply it: who has UDP 443, and what QUIC clients are told.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/base/names.h"

namespace lockstep::controller::model {

enum class QuicServer { kCaddy, kQuicd, kNone };
inline const char* QuicServerName(QuicServer server) {
  switch (server) {
    case QuicServer::kCaddy:
      return "caddy";
    case QuicServer::kQuicd:
      return "quicd";
    case QuicServer::kNone:
      return "none";
  }
  return "unknown";
}

// How packets find their way to a node, from which sane settings follow.
enum class Situation {
  kAnycast,      // the nearest node by BGP
  kFourTupleLb,  // a balancer in front that looks at addresses and ports
  kTwoTupleLb,   // one that looks at addresses alone
  kHyperLocal,   // a node for the clients of one place: whoever roams is to come back
  kEmbedded,     // a node inside of a provider's network, for that provider's clients
};
inline const char* SituationName(Situation situation) {
  switch (situation) {
    case Situation::kAnycast:
      return "anycast";
    case Situation::kFourTupleLb:
      return "four_tuple_lb";
    case Situation::kTwoTupleLb:
      return "two_tuple_lb";
    case Situation::kHyperLocal:
      return "hyper_local";
    case Situation::kEmbedded:
      return "embedded";
  }
  return "unknown";
}

// What one level says; what it leaves open comes from a less specific one. `quic_server` is of the
// fleet, pops and nodes alone, what comes after it of the fleet and sites.
struct EdgeSettings {
  std::optional<Situation> situation = std::nullopt;
  std::optional<bool> preferred_address = std::nullopt;
  std::optional<QuicServer> quic_server = std::nullopt;
  std::optional<bool> disable_active_migration = std::nullopt;
  std::optional<Micros> idle_timeout = std::nullopt;
  // Whether HTTP/3 may be promised to clients, and the least and the most that it is promised for.
  std::optional<bool> alt_svc = std::nullopt;
  std::optional<Micros> alt_svc_floor = std::nullopt;
  std::optional<Micros> alt_svc_ceiling = std::nullopt;
  friend bool operator==(const EdgeSettings&, const EdgeSettings&) = default;
};

// Where clients of one node may move to. The two differ behind 1:1 NAT.
struct PreferredAddress {
  IpAddress advertised;
  IpAddress bound;
  friend bool operator==(const PreferredAddress&, const PreferredAddress&) = default;
};

struct NodeEdgeSettings {
  EdgeSettings settings;
  // Instead of the node's own first address of the family.
  std::optional<PreferredAddress> preferred_v4;
  std::optional<PreferredAddress> preferred_v6;
  friend bool operator==(const NodeEdgeSettings&, const NodeEdgeSettings&) = default;
};

struct EdgePolicy {
  EdgeSettings fleet;
  std::map<PopName, EdgeSettings> pops;
  std::map<NodeName, NodeEdgeSettings> nodes;
  std::map<std::string, EdgeSettings> sites;  // by the site's name
  friend bool operator==(const EdgePolicy&, const EdgePolicy&) = default;
};

}  // namespace lockstep::controller::model
