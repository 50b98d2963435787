#include "agent/reconcile/looks.h"

#include <set>

namespace lockstep::agent::reconcile {

namespace {

const Hostname& HostToAsk(const Site& site) {
  return site.secure_hosts.empty() ? site.hosts.front() : site.secure_hosts.front();
}

void AddSites(const Desired& desired, const Changes& changes, const IpAddress& address,
              bool everything, Looks* looks) {
  const std::set<std::string> names(changes.changed_sites.begin(), changes.changed_sites.end());
  for (const Site& site : desired.sites) {
    const bool changed = everything || names.contains(site.name);
    (changed ? looks->changed : looks->background)
        .push_back({LookKind::kSite, HostToAsk(site), address, site.mark.str()});
  }
}

}  // namespace

Looks ExpectedLooks(const Desired& desired, const Changes& changes) {
  const std::set<Hostname> hosts(changes.changed_hosts.begin(), changes.changed_hosts.end());
  const std::set<IpAddress> fresh(changes.new_addresses.begin(), changes.new_addresses.end());
  const auto& addresses =
      desired.service_addresses.empty() ? desired.node_addresses : desired.service_addresses;
  const auto certificates = CertificateByHost(desired);

  Looks out;
  for (const IpAddress& address : addresses) {
    AddSites(desired, changes, address, changes.first || fresh.contains(address), &out);
    bool quic_looked_at = !changes.certificates_differ();
    for (const auto& [host, certificate] : certificates) {
      const bool changed = changes.first || hosts.contains(host) || fresh.contains(address);
      quic_looked_at = quic_looked_at || changed;
      (changed ? out.changed : out.background)
          .push_back({LookKind::kTls, host, address, certificate->leaf_sha256});
      (changed ? out.changed : out.background)
          .push_back({LookKind::kQuic, host, address, certificate->leaf_sha256});
    }
    if (quic_looked_at || certificates.empty()) continue;
    const auto& [host, certificate] = *certificates.begin();
    const Look look{LookKind::kQuic, host, address, certificate->leaf_sha256};
    std::erase(out.background, look);
    out.changed.push_back(look);
  }
  return out;
}

}  // namespace lockstep::agent::reconcile
