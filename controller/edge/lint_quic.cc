// Lint of QUIC migration: what nodes say in their transport parameters.
#include <algorithm>
#include <set>

#include "controller/edge/lint.h"

namespace lockstep::controller::edge {
namespace {

using Lines = std::vector<std::string>;
using Transport = LintInput::Transport;

bool Offers(const Transport& seen) { return seen.preferred_v4 || seen.preferred_v6; }

std::vector<Endpoint> PreferredOf(const Transport& seen) {
  std::vector<Endpoint> out;
  if (seen.preferred_v4) out.push_back(*seen.preferred_v4);
  if (seen.preferred_v6) out.push_back(*seen.preferred_v6);
  return out;
}

template <typename Wrong>
Lines OfNodes(const LintInput& input, const Wrong& wrong) {
  Lines out;
  for (const Transport& seen : input.transports) {
    if (const std::string line = wrong(seen); !line.empty()) {
      out.push_back(seen.node.str() + ": " + line);
    }
  }
  return out;
}

Lines IsAnycast(const LintInput& input) {
  return OfNodes(input, [&](const Transport& seen) -> std::string {
    for (const Endpoint& preferred : PreferredOf(seen)) {
      if (Contains(input.service_addresses, preferred.address)) return preferred.ToString();
    }
    return "";
  });
}

Lines NotAnswering(const LintInput& input) {
  return OfNodes(input, [](const Transport& seen) -> std::string {
    return Offers(seen) && !seen.preferred_answers ? "no connection went on there" : "";
  });
}

Lines NoPort(const LintInput& input) {
  return OfNodes(input, [](const Transport& seen) -> std::string {
    for (const Endpoint& preferred : PreferredOf(seen)) {
      if ((preferred.port == 0) != preferred.address.IsUnspecified()) return preferred.ToString();
    }
    return "";
  });
}

Lines OneFamily(const LintInput& input) {
  return OfNodes(input, [](const Transport& seen) -> std::string {
    if (!Offers(seen)) return "";
    const auto& own = seen.own_addresses;
    const bool v4 = std::any_of(own.begin(), own.end(), [](const auto& a) { return !a.is_v6(); });
    const bool v6 = std::any_of(own.begin(), own.end(), [](const auto& a) { return a.is_v6(); });
    if (v4 && !seen.preferred_v4) return "has IPv4 and offers none";
    return v6 && !seen.preferred_v6 ? "has IPv6 and offers none" : "";
  });
}

// Whether the rest of the Internet has a way to it, as Chromium judges: neither private, nor of a
// documentation prefix of IPv4, nor outside of 2000::/3 (IANA's special-purpose registries).
bool IsPublic(const IpAddress& address) {
  const std::string bytes = address.Bytes();
  const auto octet = [&](size_t at) { return static_cast<uint8_t>(bytes[at]); };
  if (address.is_v6()) return (octet(0) & 0xe0) == 0x20;
  const auto within = [&](uint8_t a, uint8_t b, uint8_t last) {
    return octet(0) == a && octet(1) >= b && octet(1) <= last;
  };
  const auto of_24 = [&](uint8_t a, uint8_t b, uint8_t c) {
    return octet(0) == a && octet(1) == b && octet(2) == c;
  };
  return octet(0) != 0 && octet(0) != 10 && octet(0) != 127 && octet(0) < 224 &&
         !within(100, 64, 127) && !within(169, 254, 254) && !within(172, 16, 31) &&
         !within(192, 168, 168) && !within(198, 18, 19) && !of_24(192, 0, 0) && !of_24(192, 0, 2) &&
         !of_24(198, 51, 100) && !of_24(203, 0, 113);
}

Lines NotPublic(const LintInput& input) {
  return OfNodes(input, [&](const Transport& seen) -> std::string {
    for (const Endpoint& preferred : PreferredOf(seen)) {
      const bool came_to_public = std::any_of(
          input.service_addresses.begin(), input.service_addresses.end(), [&](const auto& service) {
            return service.family() == preferred.address.family() && IsPublic(service);
          });
      if (came_to_public && !IsPublic(preferred.address)) return preferred.ToString();
    }
    return "";
  });
}

Lines NoConnectionId(const LintInput& input) {
  return OfNodes(input, [](const Transport& seen) -> std::string {
    return Offers(seen) && seen.connection_id_bytes == size_t{0} ? "its connection IDs are empty"
                                                                 : "";
  });
}

Lines Forbidden(const LintInput& input) {
  return OfNodes(input, [](const Transport& seen) -> std::string {
    return Offers(seen) && seen.roaming_forbidden ? "offers a preferred address" : "";
  });
}

Lines BehindBalancer(const LintInput& input) {
  return OfNodes(input, [](const Transport& seen) -> std::string {
    if (!seen.behind_balancer) return "";
    for (const Endpoint& preferred : PreferredOf(seen)) {
      if (!Contains(seen.own_addresses, preferred.address)) {
        return preferred.ToString() + " is not this node's own";
      }
    }
    return "";
  });
}

Lines OtherPolicy(const LintInput& input) {
  return OfNodes(input, [&](const Transport& seen) -> std::string {
    if (seen.disable_active_migration == input.wants_migration_disabled) return "";
    return seen.disable_active_migration ? "forbids migration, which is wanted"
                                         : "allows migration, which is not wanted";
  });
}

Lines PreferredAdvertised(const LintInput& input) {
  return OfNodes(input, [&](const Transport& seen) -> std::string {
    for (const Endpoint& preferred : PreferredOf(seen)) {
      for (const AltSvcEntry& entry : input.wanted.entries) {
        if (entry.alternative.host == preferred.address.ToUrlHost()) return entry.alternative.host;
      }
    }
    return "";
  });
}

constexpr auto kError = LintSeverity::kError;
constexpr auto kWarning = LintSeverity::kWarning;

constexpr LintRule kRules[] = {
    {"preferred-is-anycast", kError, "connections move to where the next change of route ends them",
     IsAnycast},
    {"preferred-not-answering", kError,
     "clients try in vain to move, and stay where a change of route ends them", NotAnswering},
    {"preferred-without-port", kError, "clients break off the handshake, or never move", NoPort},
    {"preferred-of-one-family", kWarning,
     "clients of the other family stay where a change of route ends them", OneFamily},
    {"preferred-not-public", kWarning,
     "clients of a public address leave a private one alone, and stay where a change of route ends "
     "them",
     NotPublic},
    {"preferred-without-connection-id", kError,
     "clients close the connection with TRANSPORT_PARAMETER_ERROR", NoConnectionId},
    {"preferred-where-forbidden", kError,
     "clients roam after they have moved: the standard cannot forbid it then", Forbidden},
    {"preferred-behind-balancer", kError,
     "moved connections reach a server that does not know them", BehindBalancer},
    {"migration-other-than-wanted", kError,
     "connections break, or wander, where the policy says the opposite", OtherPolicy},
    {"preferred-as-alternative", kError,
     "new connections go to one node's own address, past the anycast edge", PreferredAdvertised},
};

}  // namespace

std::span<const LintRule> QuicRules() { return kRules; }

}  // namespace lockstep::controller::edge
