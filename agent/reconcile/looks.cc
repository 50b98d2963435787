#include "agent/reconcile/looks.h"

#include <set>

namespace lockstep::agent::reconcile {
namespace {

constexpr uint16_t kQuicPort = 443;

std::string Offered(const std::optional<PreferredAddress>& preferred, bool use) {
  return use && preferred ? Endpoint{preferred->advertised, kQuicPort}.ToString() : "";
}

bool IsTranslated(const std::optional<PreferredAddress>& preferred) {
  return preferred && preferred->advertised != preferred->bound;
}

std::set<Hostname> SetOf(const std::vector<Hostname>& hosts) {
  return {hosts.begin(), hosts.end()};
}

const Hostname& HostToAsk(const Site& site) {
  return site.secure_hosts.empty() ? site.hosts.front() : site.secure_hosts.front();
}

void AddSites(const Desired& desired, const Changes& changes, const IpAddress& address,
              bool everything, Looks* looks) {
  const std::set<std::string> names(changes.changed_sites.begin(), changes.changed_sites.end());
  for (const Site& site : desired.sites) {
    const bool changed = everything || names.contains(site.name);
    (changed ? looks->changed : looks->background)
        .push_back({LookKind::kSite, HostToAsk(site), address, site.mark.str(), std::nullopt,
                    site.secure_hosts.empty() ? "" : site.alt_svc});
  }
}

}  // namespace

std::map<Hostname, QuicExpectation> ExpectedQuic(const Desired& desired) {
  std::map<Hostname, QuicExpectation> out;
  if (desired.quic_server != QuicServer::kQuicd || !desired.quic_identity) return out;
  std::map<Hostname, QuicPolicy> policies;
  for (const Site& site : desired.sites) {
    if (!site.quic) continue;
    for (const Hostname& host : site.hosts) policies[host] = *site.quic;
  }
  for (const auto& [host, certificate] : CertificateByHost(desired)) {
    const QuicPolicy& policy = policies[host];
    out[host] = {policy.disable_active_migration,
                 Offered(desired.quic_identity->preferred_v4, policy.use_preferred_address),
                 Offered(desired.quic_identity->preferred_v6, policy.use_preferred_address),
                 IsTranslated(desired.quic_identity->preferred_v4) ||
                     IsTranslated(desired.quic_identity->preferred_v6)};
  }
  return out;
}

Looks ExpectedLooks(const Desired& desired, const Changes& changes) {
  const std::set<Hostname> hosts = SetOf(changes.changed_hosts);
  const std::set<Hostname> quic_hosts = SetOf(changes.changed_quic_hosts);
  const std::set<IpAddress> fresh(changes.new_addresses.begin(), changes.new_addresses.end());
  const auto& addresses =
      desired.service_addresses.empty() ? desired.node_addresses : desired.service_addresses;
  const auto certificates = CertificateByHost(desired);
  const auto parameters = ExpectedQuic(desired);
  const bool has_quic = desired.quic_server != QuicServer::kNone && !desired.refuse_quic;
  const auto quic_look = [&](const Hostname& host, const IpAddress& address) {
    const auto found = parameters.find(host);
    return Look{LookKind::kQuic, host, address, certificates.at(host)->leaf_sha256,
                found == parameters.end() ? std::nullopt : std::optional(found->second)};
  };

  Looks out;
  for (const IpAddress& address : addresses) {
    AddSites(desired, changes, address, changes.first || fresh.contains(address), &out);
    bool quic_looked_at = !changes.certificates_differ() || !has_quic;
    for (const auto& [host, certificate] : certificates) {
      const bool changed = changes.first || hosts.contains(host) || fresh.contains(address);
      (changed ? out.changed : out.background)
          .push_back({LookKind::kTls, host, address, certificate->leaf_sha256});
      if (!has_quic) continue;
      const bool quic_changed = changed || quic_hosts.contains(host);
      quic_looked_at = quic_looked_at || quic_changed;
      (quic_changed ? out.changed : out.background).push_back(quic_look(host, address));
    }
    if (quic_looked_at || certificates.empty()) continue;
    const Look look = quic_look(certificates.begin()->first, address);
    std::erase(out.background, look);
    out.changed.push_back(look);
  }
  return out;
}

}  // namespace lockstep::agent::reconcile
