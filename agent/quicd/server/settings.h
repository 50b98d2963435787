// What lockstep-quicd serves: plain values, as the agent sends them. A Configuration
// (configuration.h) is made of them once and never changes afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/quicd/cid/codec.h"
#include "agent/quicd/upstream/upstream.h"
#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"
#include "common/crypto/secret.h"

namespace lockstep::agent::quicd::server {

// One of the node's own addresses that clients may move to. The two differ behind 1:1 NAT.
struct PreferredAddress {
  Endpoint advertised;
  Endpoint bound;
};

struct Policy {
  bool disable_active_migration = true;
  bool use_preferred_address = true;  // those of the node, where it has any
  Millis idle_timeout = Seconds(30);
};

struct Site {
  std::vector<Hostname> hosts;
  std::string chain_pem;  // leaf first
  crypto::Secret key_pem;
  Policy policy;
  std::string alt_svc;  // the whole header value; empty = none is sent
};

// What one peer, and all of them together, may take. docs/quicd.md says what each costs.
struct Limits {
  size_t max_connections = 20000;               // beyond: new ones are refused
  size_t retry_above_half_open = 200;           // handshakes under way before Retry is asked for
  size_t max_streams = 100;                     // requests at a time per connection
  size_t max_field_section_bytes = 32UL << 10;  // of a request (RFC 9114 §4.2.2)
  uint64_t stream_receive_window = 256UL << 10;
  uint64_t connection_receive_window = 1UL << 20;
  size_t stream_send_buffer = 512UL << 10;  // response bytes the peer has not acknowledged
  size_t connection_send_buffer = 4UL << 20;
  Millis handshake_timeout = Seconds(10);
  uint32_t resets_per_second = 100;       // stateless resets, by the whole server
  uint32_t max_cancels_per_second = 100;  // requests that one client may give up
};

struct TicketKeys {
  crypto::Secret current;                     // 64 bytes; makes session tickets
  std::vector<crypto::Secret> also_accepted;  // previous and next
};

struct Settings {
  std::string version;  // of this configuration; shown, not understood
  std::vector<IpAddress> service_addresses;
  uint16_t port = 443;
  std::optional<PreferredAddress> preferred_v4;
  std::optional<PreferredAddress> preferred_v6;
  std::vector<PreferredAddress> witnessed = {};  // further own ones, which clients are not told of
  std::vector<IpAddress> witnesses;              // may open connections on the node's own addresses

  std::string server_id;                   // of this node, in its connection IDs
  std::vector<cid::Key> cid_keys;          // the first makes
  crypto::Secret reset_key;                // this node's alone
  std::vector<crypto::Secret> token_keys;  // the first makes
  TicketKeys ticket_keys;

  std::vector<Site> sites;
  upstream::Settings upstream;
  Limits limits;
};

}  // namespace lockstep::agent::quicd::server
