#include "agent/reconcile/looks.h"

#include <set>

namespace lockstep::agent::reconcile {

Looks ExpectedLooks(const Desired& desired, const Changes& changes) {
  const std::set<Hostname> hosts(changes.changed_hosts.begin(), changes.changed_hosts.end());
  const std::set<IpAddress> fresh(changes.new_addresses.begin(), changes.new_addresses.end());
  const auto& addresses =
      desired.service_addresses.empty() ? desired.node_addresses : desired.service_addresses;
  const auto certificates = CertificateByHost(desired);

  Looks out;
  for (const IpAddress& address : addresses) {
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
