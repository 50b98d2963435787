// What a node is told about QUIC: who serves it, who the node is to its clients, and how.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ip.h"
#include "common/crypto/secret.h"

namespace lockstep::agent::reconcile {

// Who has UDP 443 on this node.
enum class QuicServer { kCaddy, kQuicd, kNone };

// Copies share the one place in memory that holds it.
class SharedSecret {
 public:
  explicit SharedSecret(std::string&& text)
      : secret_(std::make_shared<const crypto::Secret>(std::move(text))) {}
  const crypto::Secret& get() const { return *secret_; }
  friend bool operator==(const SharedSecret& a, const SharedSecret& b) {
    return a.get() == b.get();
  }

 private:
  std::shared_ptr<const crypto::Secret> secret_;
};

// An own address of the node: one that clients of the service addresses may move to, or one where
// only witnesses look.
struct PreferredAddress {
  IpAddress advertised;  // what others know it by
  IpAddress bound;       // what the socket is bound to: another one behind 1:1 NAT
  friend bool operator==(const PreferredAddress&, const PreferredAddress&) = default;
};

struct QuicIdentity {
  std::string server_id;  // in connection IDs
  std::optional<PreferredAddress> preferred_v4;
  std::optional<PreferredAddress> preferred_v6;
  std::vector<PreferredAddress> witnessed = {};  // further ones, which clients are not told of
  friend bool operator==(const QuicIdentity&, const QuicIdentity&) = default;
};

// Shared by the fleet.
struct QuicKeys {
  struct ConnectionId {
    uint32_t config_id = 0;
    SharedSecret key;
    friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
  };
  std::vector<ConnectionId> connection_ids;  // the first makes them
  std::vector<SharedSecret> tokens;          // the first makes them
  SharedSecret ticket_current;
  std::optional<SharedSecret> ticket_previous;
  SharedSecret ticket_next;
  friend bool operator==(const QuicKeys&, const QuicKeys&) = default;
};

// Of a site, as transport parameters.
struct QuicPolicy {
  bool disable_active_migration = false;
  bool use_preferred_address = false;
  std::optional<Millis> idle_timeout = {};  // unset: the server's default
  friend bool operator==(const QuicPolicy&, const QuicPolicy&) = default;
};

}  // namespace lockstep::agent::reconcile
