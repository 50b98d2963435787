// What QUIC clients of one node are to be told: what its handshakes must show.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/ip.h"

namespace lockstep::controller::model {

// What one handshake must show beside its certificate.
struct QuicParameters {
  bool disable_active_migration = false;
  Micros idle_timeout{0};
  std::vector<IpAddress> preferred_addresses;  // at most one of each family
  friend bool operator==(const QuicParameters&, const QuicParameters&) = default;
};

// What the site of a host name wants on every node.
struct SiteQuic {
  bool disable_active_migration = false;
  Micros idle_timeout{0};
  bool use_preferred_address = false;
  friend bool operator==(const SiteQuic&, const SiteQuic&) = default;
};
using SiteQuicByHost = std::map<Hostname, SiteQuic>;

struct QuicTerms {
  // False: UDP 443 is closed, and nobody looks there.
  bool is_served = true;
  std::vector<IpAddress> preferred_addresses;   // what clients are told, of the node's own
  std::shared_ptr<const SiteQuicByHost> sites;  // one for all nodes; null: none

  // Nothing for a name that may show what its server likes.
  std::optional<QuicParameters> Find(const Hostname& host) const {
    if (!sites) return std::nullopt;
    const auto found = sites->find(host);
    if (found == sites->end()) return std::nullopt;
    const SiteQuic& site = found->second;
    return QuicParameters{
        site.disable_active_migration, site.idle_timeout,
        site.use_preferred_address ? preferred_addresses : std::vector<IpAddress>()};
  }

  // Whether clients are told the same.
  friend bool operator==(const QuicTerms& a, const QuicTerms& b) {
    const bool same_sites = a.sites && b.sites ? *a.sites == *b.sites : a.sites == b.sites;
    return same_sites && a.is_served == b.is_served &&
           a.preferred_addresses == b.preferred_addresses;
  }
};

// Null: a node whose server decides by itself. Immutable, and shared by who judges.
using QuicTermsPtr = std::shared_ptr<const QuicTerms>;

}  // namespace lockstep::controller::model
