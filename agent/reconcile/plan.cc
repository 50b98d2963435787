#include "agent/reconcile/plan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "agent/reconcile/looks.h"

namespace lockstep::agent::reconcile {
namespace {

std::set<IpAddress> ListenAddresses(const Desired& desired) {
  std::set<IpAddress> out(desired.service_addresses.begin(), desired.service_addresses.end());
  out.insert(desired.node_addresses.begin(), desired.node_addresses.end());
  return out;
}

std::vector<IpAddress> Without(const std::set<IpAddress>& all, const std::set<IpAddress>& these) {
  std::vector<IpAddress> out;
  std::set_difference(all.begin(), all.end(), these.begin(), these.end(), std::back_inserter(out));
  return out;
}

// Names of what differs between two lists of named things.
template <typename Thing>
void CompareNamed(const std::vector<Thing>& now, const std::vector<Thing>& before,
                  std::vector<std::string>* changed, std::vector<std::string>* gone) {
  std::map<std::string_view, const Thing*> old;
  for (const Thing& thing : before) old.emplace(thing.name, &thing);
  for (const Thing& thing : now) {
    const auto found = old.find(thing.name);
    if (found == old.end() || !(*found->second == thing)) changed->push_back(thing.name);
    if (found != old.end()) old.erase(found);
  }
  for (const auto& [name, thing] : old) gone->emplace_back(name);
  std::sort(changed->begin(), changed->end());
}

std::vector<Hostname> HostsWithAnotherLeaf(const Desired& now, const Desired& before) {
  const auto old = CertificateByHost(before);
  std::vector<Hostname> out;
  for (const auto& [host, certificate] : CertificateByHost(now)) {
    const auto found = old.find(host);
    if (found == old.end() || found->second->leaf_sha256 != certificate->leaf_sha256) {
      out.push_back(host);
    }
  }
  return out;
}

std::vector<Hostname> HostsWithOtherQuic(const Desired& now, const Desired& before) {
  const auto old = ExpectedQuic(before);
  const auto wanted = ExpectedQuic(now);
  const auto of = [](const auto& all, const Hostname& host) {
    const auto found = all.find(host);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  };
  std::vector<Hostname> out;
  for (const auto& [host, certificate] : CertificateByHost(now)) {
    if (now.quic_server != before.quic_server || of(wanted, host) != of(old, host)) {
      out.push_back(host);
    }
  }
  return out;
}

// lockstep-quicd answers them on the node's own addresses, and is told who they are.
bool HasOtherWitnesses(const Desired& now, const Desired& before) {
  return now.quic_server == QuicServer::kQuicd &&
         (now.peers != before.peers || now.controller_addresses != before.controller_addresses);
}

std::string Counted(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// "first start", or "2 sites, 1 certificate and 1 address".
std::string Summary(const Changes& changes) {
  if (changes.first) return "nothing is known of what is served";
  std::vector<std::string> parts;
  const auto add = [&parts](size_t count, const std::string& noun) {
    if (count > 0) parts.push_back(Counted(count, noun));
  };
  add(changes.changed_sites.size() + changes.gone_sites.size(), "site");
  add(changes.changed_certificates.size() + changes.gone_certificates.size(), "certificate");
  const size_t addresses = changes.new_addresses.size() + changes.gone_addresses.size();
  if (addresses > 0)
    parts.push_back(std::to_string(addresses) + (addresses == 1 ? " address" : " addresses"));
  if (changes.identity) parts.emplace_back("the node's name or pop");
  if (changes.quic) parts.emplace_back("the node's QUIC settings");
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += i + 1 == parts.size() ? " and " : ", ";
    out += parts[i];
  }
  return out + " changed";
}

}  // namespace

bool Changes::disturbs_servers() const {
  return first || identity || quic || certificates_differ() || !new_addresses.empty() ||
         !gone_addresses.empty() || !changed_sites.empty() || !gone_sites.empty();
}

Changes CompareDesired(const Desired& desired, const Desired* before) {
  static const Desired kNothing;
  Changes out;
  out.first = before == nullptr;
  const Desired& old = before == nullptr ? kNothing : *before;
  out.identity = desired.node != old.node || desired.pop != old.pop;
  out.quic = desired.quic_server != old.quic_server || desired.quic_identity != old.quic_identity ||
             desired.quic_keys != old.quic_keys || HasOtherWitnesses(desired, old);
  out.challenges = desired.account_thumbprint != old.account_thumbprint ||
                   desired.pull_challenges != old.pull_challenges || desired.peers != old.peers;
  out.new_addresses = Without(ListenAddresses(desired), ListenAddresses(old));
  out.gone_addresses = Without(ListenAddresses(old), ListenAddresses(desired));
  CompareNamed(desired.sites, old.sites, &out.changed_sites, &out.gone_sites);
  CompareNamed(desired.certificates, old.certificates, &out.changed_certificates,
               &out.gone_certificates);
  out.changed_hosts = HostsWithAnotherLeaf(desired, old);
  out.changed_quic_hosts = HostsWithOtherQuic(desired, old);
  return out;
}

Plan MakePlan(const Desired& desired, const Desired* before) {
  Plan plan{CompareDesired(desired, before), {}};
  const Changes& changes = plan.changes;
  if (changes.first || changes.challenges) {
    plan.steps.push_back({StepKind::kPrepareChallenges, "peers or account of challenges changed"});
  }
  if (!changes.disturbs_servers()) return plan;
  plan.steps.push_back({StepKind::kApplyServers, Summary(changes)});
  if (changes.certificates_differ()) {
    plan.steps.push_back({StepKind::kRenewHttp3, Counted(changes.changed_certificates.size() +
                                                             changes.gone_certificates.size(),
                                                         "certificate") +
                                                     " changed"});
  }
  plan.steps.push_back({StepKind::kProveChanged, Summary(changes)});
  plan.steps.push_back({StepKind::kProveBackground, "everything else still stands"});
  return plan;
}

}  // namespace lockstep::agent::reconcile
