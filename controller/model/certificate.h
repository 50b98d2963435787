// Certificates, and the orders and challenges that obtain them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/names.h"

namespace lockstep::controller::model {

// One revision of a lineage. The store seals the key; in memory it is plain, in few places.
struct Certificate {
  std::string name;       // the lineage: a host name
  uint64_t revision = 0;  // from 1
  std::vector<Hostname> hosts;
  std::string chain_pem;
  std::string key_pem;      // secret
  std::string leaf_sha256;  // lower-case hex
  std::string serial;       // lower-case hex
  std::string issuer;
  WallTime not_before;
  WallTime not_after;
  WallTime created_at;
  bool revoked = false;
  friend bool operator==(const Certificate&, const Certificate&) = default;
};

// When a lineage is to be renewed, kept apart from its revisions.
struct RenewalState {
  std::string certificate;
  WallTime next_attempt_at;
  uint32_t failures = 0;  // in a row
  std::string last_error;
  friend bool operator==(const RenewalState&, const RenewalState&) = default;
};

struct Challenge {
  OrderId order;
  Hostname host;
  ChallengeToken token;
  std::string key_authorization;  // token "." thumbprint; not to be logged
  friend bool operator==(const Challenge&, const Challenge&) = default;
};

enum class OrderState {
  kQueued = 1,
  kOrdering = 2,
  kBarrier = 3,
  kRehearsal = 4,
  kValidating = 5,
  kRollingOut = 6,
  kDone = 7,
  kFailed = 8,
};
// "rolling out"; the values are stored.
inline const char* OrderStateName(OrderState state) {
  switch (state) {
    case OrderState::kQueued:
      return "queued";
    case OrderState::kOrdering:
      return "ordering";
    case OrderState::kBarrier:
      return "barrier";
    case OrderState::kRehearsal:
      return "rehearsal";
    case OrderState::kValidating:
      return "validating";
    case OrderState::kRollingOut:
      return "rolling out";
    case OrderState::kDone:
      return "done";
    case OrderState::kFailed:
      return "failed";
  }
  return "unknown";
}
inline bool IsEnded(OrderState state) {
  return state == OrderState::kDone || state == OrderState::kFailed;
}

struct OrderStep {
  std::string what;
  std::string detail;
  WallTime at;
  friend bool operator==(const OrderStep&, const OrderStep&) = default;
};

struct Order {
  OrderId id;
  std::string certificate;  // the lineage
  std::vector<Hostname> hosts;
  OrderState state = OrderState::kQueued;
  std::string error;     // for an operator
  std::string ca_error;  // the CA's own words
  std::string reason;    // "operator", "renewal"
  WallTime created_at;
  std::optional<WallTime> ended_at;
  std::vector<OrderStep> steps;
  std::vector<std::string> missing;       // what the barrier waited for when it gave up
  std::vector<std::string> rehearsal;     // a line for each look
  std::vector<std::string> after_commit;  // what was lost after the commit point
  std::string serial;
  uint64_t generation = 0;
  friend bool operator==(const Order&, const Order&) = default;
};

}  // namespace lockstep::controller::model
