// Lint: does what a site promises hold together: header, DNS, certificates, migration, answers?
//
// A table of rules over what was seen. What was not seen breaks no rule: that is the barrier's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/base/names.h"
#include "controller/edge/alt_svc.h"

namespace lockstep::controller::edge {

struct LintInput {
  // One response. `status` 421: of a request for a host that the node does not serve.
  struct Response {
    NodeName node;
    std::string protocol;  // "h1", "h2", "h3"
    int status = 200;
    std::vector<std::string> alt_svc;  // the fields, as many as there were
    bool alt_svc_frame = false;        // HTTP/2 ALTSVC (RFC 7838 §4)
    Seconds age{0};                    // the Age field
    friend bool operator==(const Response&, const Response&) = default;
  };
  // One handshake with an advertised alternative, with the origin's name.
  struct Handshake {
    NodeName node;
    Alternative alternative;
    Hostname host;
    std::string problem;  // empty: it was completed
    std::vector<std::string> certificate_names;
    WallTime not_after;
    friend bool operator==(const Handshake&, const Handshake&) = default;
  };
  // One HTTPS record in service mode.
  struct HttpsRecord {
    Hostname host;
    Seconds ttl{0};
    std::string target = ".";
    std::vector<std::string> alpn;
    uint16_t port = 443;
    std::vector<IpAddress> hints;
  };
  // What a node says of migration in its transport parameters, and what is known of it.
  struct Transport {
    NodeName node;
    bool disable_active_migration = false;
    std::optional<Endpoint> preferred_v4;
    std::optional<Endpoint> preferred_v6;
    std::optional<size_t> connection_id_bytes;  // the server's
    bool preferred_answers = true;              // a prober moved there
    std::vector<IpAddress> own_addresses;
    bool roaming_forbidden = false;  // hyper-local, or embedded in somebody's network
    bool behind_balancer = false;    // the node is reached through one that goes by addresses
    friend bool operator==(const Transport&, const Transport&) = default;
  };

  WallTime now;
  std::vector<Hostname> hosts;
  AltSvc wanted;
  std::optional<AltSvc> before;  // while a rollout is under way: it is as true
  Seconds floor{300};
  Seconds ceiling{86400};
  OriginFacts origin;
  bool wants_migration_disabled = true;
  std::vector<IpAddress> service_addresses;
  std::vector<std::string> node_names;  // host names of single nodes
  std::map<Alternative, WallTime> planned_ends;
  std::vector<Response> responses;
  std::vector<Handshake> handshakes;
  std::vector<HttpsRecord> https;
  std::vector<Transport> transports;
};

inline bool Contains(const std::vector<IpAddress>& addresses, const IpAddress& address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

enum class LintSeverity { kNote = 1, kWarning = 2, kError = 3 };

struct LintRule {
  const char* id;  // for ever
  LintSeverity severity;
  const char* harm;  // what a client would suffer
  // What breaks it, a line each: "ams1: …".
  std::vector<std::string> (*check)(const LintInput&);
};

// The rules on what is promised, on the DNS, and on QUIC.
std::span<const LintRule> PromiseRules();
std::span<const LintRule> DnsRules();
std::span<const LintRule> QuicRules();
std::vector<LintRule> AllRules();

struct LintFinding {
  std::string rule;
  LintSeverity severity;
  std::string harm;
  std::vector<std::string> what;
};

// By table order; empty: nothing is wrong.
std::vector<LintFinding> Lint(const LintInput& input);

}  // namespace lockstep::controller::edge
