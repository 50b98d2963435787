#include "controller/planner/planner.h"

#include <algorithm>
#include <set>

#include "common/snapshot/mark.h"
#include "controller/planner/edge.h"
#include "controller/planner/quic_parts.h"
#include "lockstep/types/v1/snapshot.pb.h"

namespace lockstep::controller::planner {
namespace {

using snapshot::ResourceKey;
using snapshot::Snapshot;

bool Covers(const model::Certificate& certificate, const Hostname& host) {
  return std::find(certificate.hosts.begin(), certificate.hosts.end(), host) !=
         certificate.hosts.end();
}

bool IsValid(const model::Certificate& certificate, WallTime now) {
  return !certificate.revoked && certificate.not_before <= now && now < certificate.not_after;
}

// The order of preference: valid before not, unrevoked before revoked, then the newest.
bool IsBetter(const model::Certificate& a, const model::Certificate& b, WallTime now) {
  if (IsValid(a, now) != IsValid(b, now)) return IsValid(a, now);
  if (a.revoked != b.revoked) return b.revoked;
  if (a.not_after != b.not_after) return a.not_after > b.not_after;
  if (a.created_at != b.created_at) return a.created_at > b.created_at;
  return a.name < b.name;
}

// Serialised so that the same message gives the same bytes in every process of one build.
template <typename Message>
std::string Serialise(const Message& message) {
  return message.SerializeAsString();
}

Status CheckHostsAreUnique(const std::vector<model::Site>& sites) {
  std::map<Hostname, std::string> owner;
  for (const model::Site& site : sites) {
    for (const Hostname& host : site.hosts) {
      const auto [at, fresh] = owner.emplace(host, site.name);
      if (!fresh) {
        return FailedPrecondition("host " + host.Display() + " belongs to site " + at->second +
                                  " and to site " + site.name + "; give it to one of them");
      }
    }
  }
  return Status::Ok();
}

types::v1::FleetSettings FleetPart(const DesiredState& state) {
  types::v1::FleetSettings fleet;
  for (const IpAddress& address : state.service_addresses) {
    fleet.add_service_addresses(address.ToString());
  }
  fleet.set_account_thumbprint(state.account_thumbprint);
  fleet.set_pull_challenges(state.pull_challenges);
  for (const IpAddress& address : state.controller_addresses) {
    fleet.add_controller_addresses(address.ToString());
  }
  for (const model::Node& node : state.nodes) {
    auto* peer = fleet.add_peers();
    peer->set_node(node.name.str());
    peer->set_pop(node.pop.str());
    for (const IpAddress& address : node.addresses) peer->add_addresses(address.ToString());
  }
  return fleet;
}

types::v1::NodeSettings NodePart(const model::Node& node) {
  types::v1::NodeSettings settings;
  settings.set_node(node.name.str());
  settings.set_pop(node.pop.str());
  for (const IpAddress& address : node.addresses) settings.add_addresses(address.ToString());
  return settings;
}

void PutNodePart(const model::Node& node, const types::v1::NodeSettings& settings, Plan* plan) {
  plan->node_parts.emplace(node.name, std::make_shared<const std::string>(Serialise(settings)));
}

Status AddNodeParts(const DesiredState& state, Plan* plan) {
  std::vector<std::pair<NodeName, std::string>> ids;
  for (const model::Node& node : state.nodes) {
    types::v1::NodeSettings settings = NodePart(node);
    SetNodeEdge(ResolveNode(state.policy, node), &settings);
    if (settings.has_quic_identity()) ids.emplace_back(node.name, ServerIdOf(node.name));
    PutNodePart(node, settings, plan);
  }
  if (ids.empty()) return Status::Ok();
  if (!state.quic_keys) return FailedPrecondition("the fleet has no QUIC keys yet");
  plan->shared.Put({"quic_keys", "quic_keys"}, Serialise(QuicKeysPart(*state.quic_keys)));
  return CheckServerIds(ids);
}

void SetContent(const model::Site& site, types::v1::Site* out) {
  if (const auto* preset = std::get_if<model::Preset>(&site.content)) {
    out->mutable_preset()->set_status(static_cast<uint32_t>(preset->status));
    out->mutable_preset()->set_content_type(preset->content_type);
    out->mutable_preset()->set_body(preset->body);
  } else if (const auto* root = std::get_if<model::FileRoot>(&site.content)) {
    out->mutable_file_root()->set_path(root->path);
  } else if (const auto* upstream = std::get_if<model::Upstream>(&site.content)) {
    for (const std::string& server : upstream->servers) {
      out->mutable_upstream()->add_servers(server);
    }
    out->mutable_upstream()->set_tls(upstream->tls);
  }
}

types::v1::Site SitePart(const model::Site& site, const std::set<Hostname>& secure) {
  types::v1::Site out;
  out.set_name(site.name);
  for (const Hostname& host : site.hosts) {
    out.add_hosts(host.ascii());
    if (secure.contains(host)) out.add_secure_hosts(host.ascii());
  }
  SetContent(site, &out);
  return out;
}

types::v1::Certificate CertificatePart(const model::Certificate& certificate,
                                       const std::vector<Hostname>& hosts) {
  types::v1::Certificate out;
  out.set_name(certificate.name);
  out.set_revision(certificate.revision);
  for (const Hostname& host : hosts) out.add_hosts(host.ascii());
  out.set_chain_pem(certificate.chain_pem);
  out.set_key_pem(certificate.key_pem);
  const int64_t micros = ToUnixMicros(certificate.not_after);
  out.mutable_not_after()->set_seconds(micros / 1'000'000);
  out.mutable_not_after()->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
  out.set_leaf_sha256(certificate.leaf_sha256);
  return out;
}

Status AddServed(const ResourceKey& key, const std::string& body,
                 std::vector<ServedCertificate>* served) {
  types::v1::Certificate certificate;
  if (!certificate.ParseFromString(body)) {
    return DataLoss("stored certificate " + key.name + " does not parse");
  }
  const WallTime not_after = FromUnixMicros(certificate.not_after().seconds() * 1'000'000 +
                                            certificate.not_after().nanos() / 1000);
  for (const std::string& text : certificate.hosts()) {
    LS_ASSIGN_OR_RETURN(const Hostname host, Hostname::Parse(text));
    served->push_back({host, key.name, certificate.leaf_sha256(), not_after});
  }
  return Status::Ok();
}

// The same host that an agent asks first: where most clients of the site are. (It asks no other one
// before it acknowledges, and a server takes its configuration whole or not at all.)
Status AddSite(const ResourceKey& key, const Snapshot::Entry& entry,
               std::vector<ServedSite>* sites) {
  types::v1::Site site;
  if (!site.ParseFromString(*entry.body) || site.hosts().empty()) {
    return DataLoss("stored site " + key.name + " does not parse");
  }
  LS_ASSIGN_OR_RETURN(
      const Hostname host,
      Hostname::Parse(site.secure_hosts().empty() ? site.hosts(0) : site.secure_hosts(0)));
  ServedSite served{host, snapshot::MarkOf(entry).str(), site.name(), site.alt_svc()};
  for (const std::string& text : site.secure_hosts()) {
    LS_ASSIGN_OR_RETURN(Hostname secure, Hostname::Parse(text));
    served.secure_hosts.push_back(std::move(secure));
  }
  sites->push_back(std::move(served));
  return Status::Ok();
}

Status FindSites(Plan* plan) {
  plan->sites.clear();
  for (const auto& [key, entry] : plan->shared.entries()) {
    if (key.type == "site") LS_RETURN_IF_ERROR(AddSite(key, entry, &plan->sites));
  }
  return Status::Ok();
}

std::map<Hostname, ServedCertificate> ByHost(const std::vector<ServedCertificate>& served) {
  std::map<Hostname, ServedCertificate> out;
  for (const ServedCertificate& one : served) out.emplace(one.host, one);
  return out;
}

// A certificate as `body` has it, for just these hosts.
std::string ForHosts(const std::string& body, const std::vector<Hostname>& hosts) {
  types::v1::Certificate certificate;
  LS_CHECK(certificate.ParseFromString(body));
  certificate.clear_hosts();
  for (const Hostname& host : hosts) certificate.add_hosts(host.ascii());
  return Serialise(certificate);
}

// Makes `plan` carry just `chosen`; certificates of the lineages in `taken` come from `source`.
void ServeInstead(const std::map<Hostname, ServedCertificate>& chosen,
                  const std::set<std::string>& taken, const Snapshot& source, Plan* plan) {
  std::map<std::string, std::vector<Hostname>> hosts_by_lineage;
  plan->served.clear();
  for (const auto& [host, served] : chosen) {
    hosts_by_lineage[served.lineage].push_back(host);
    plan->served.push_back(served);
  }
  const Snapshot before = plan->shared;
  for (const auto& [key, entry] : before.entries()) {
    if (key.type == "certificate") plan->shared.Remove(key);
    if (key.type != "site") continue;
    types::v1::Site site;
    LS_CHECK(site.ParseFromString(*entry.body));
    site.clear_secure_hosts();
    for (const std::string& host : site.hosts()) {
      if (chosen.contains(*Hostname::Parse(host))) site.add_secure_hosts(host);
    }
    plan->shared.Put(key, Serialise(site));
  }
  for (const auto& [lineage, hosts] : hosts_by_lineage) {
    const ResourceKey key{"certificate", lineage};
    const Snapshot::Entry* body = (taken.contains(lineage) ? source : before).Find(key);
    LS_CHECK(body != nullptr);
    plan->shared.Put(key, ForHosts(*body->body, hosts));
  }
  LS_CHECK(FindSites(plan).ok());
}

void SortByHost(std::vector<ServedCertificate>* served) {
  std::sort(served->begin(), served->end(),
            [](const auto& a, const auto& b) { return a.host < b.host; });
}

std::set<Hostname> AllCertificateHosts(const DesiredState& state) {
  std::set<Hostname> hosts;
  for (const model::Certificate& certificate : state.certificates) {
    hosts.insert(certificate.hosts.begin(), certificate.hosts.end());
  }
  return hosts;
}

}  // namespace

const model::Certificate* ChooseCertificate(const std::vector<model::Certificate>& certificates,
                                            const Hostname& host, WallTime now) {
  const model::Certificate* best = nullptr;
  for (const model::Certificate& certificate : certificates) {
    if (!Covers(certificate, host)) continue;
    if (best == nullptr || IsBetter(certificate, *best, now)) best = &certificate;
  }
  return best;
}

Result<Snapshot> Plan::SnapshotFor(const NodeName& node) const {
  const auto part = node_parts.find(node);
  if (part == node_parts.end()) return NotFound("the plan has no node " + node.str());
  Snapshot out = shared;
  out.Put({"node", "node"}, part->second);
  return out;
}

Result<Plan> MakePlan(const DesiredState& state, WallTime now) {
  LS_RETURN_IF_ERROR(CheckHostsAreUnique(state.sites));
  Plan plan;
  plan.shared.Put({"fleet", "fleet"}, Serialise(FleetPart(state)));
  LS_RETURN_IF_ERROR(AddNodeParts(state, &plan));
  const bool any_quicd = plan.shared.Find({"quic_keys", "quic_keys"}) != nullptr;

  std::map<const model::Certificate*, std::vector<Hostname>> chosen;
  std::set<Hostname> secure;
  for (const Hostname& host : AllCertificateHosts(state)) {
    const model::Certificate* certificate = ChooseCertificate(state.certificates, host, now);
    chosen[certificate].push_back(host);
    secure.insert(host);
    plan.served.push_back(
        {host, certificate->name, certificate->leaf_sha256, certificate->not_after});
  }
  for (const auto& [certificate, hosts] : chosen) {
    plan.shared.Put({"certificate", certificate->name},
                    Serialise(CertificatePart(*certificate, hosts)));
  }
  for (const model::Site& site : state.sites) {
    types::v1::Site part = SitePart(site, secure);
    if (const auto value = state.alt_svc.find(site.name); value != state.alt_svc.end()) {
      part.set_alt_svc(value->second);
    }
    if (any_quicd) SetSiteEdge(ResolveSite(state.policy, site.name), &part);
    plan.shared.Put({"site", site.name}, Serialise(part));
  }
  LS_RETURN_IF_ERROR(FindSites(&plan));
  plan.quic = FindQuicTerms(plan);
  return plan;
}

Result<Plan> PlanFromStored(Snapshot stored, const std::vector<model::Node>& nodes) {
  Plan plan;
  plan.shared = std::move(stored);
  for (const model::Node& node : nodes) {
    const ResourceKey key{"node", node.name.str()};
    types::v1::NodeSettings settings = NodePart(node);
    if (const Snapshot::Entry* part = plan.shared.Find(key); part != nullptr) {
      if (!CopyQuic(*part->body, &settings)) {
        return DataLoss("stored settings of node " + key.name + " do not parse");
      }
    }
    PutNodePart(node, settings, &plan);
  }
  RemoveNodeParts(&plan.shared);
  for (const auto& [key, entry] : plan.shared.entries()) {
    if (key.type == "certificate") LS_RETURN_IF_ERROR(AddServed(key, *entry.body, &plan.served));
  }
  SortByHost(&plan.served);
  LS_RETURN_IF_ERROR(FindSites(&plan));
  plan.quic = FindQuicTerms(plan);
  return plan;
}

Plan RollbackPlan(const Plan& stable, const Plan& failed, WallTime now) {
  Plan plan = stable;
  plan.node_parts = NodePartsForRollback(stable, failed);
  const std::map<Hostname, ServedCertificate> newer = ByHost(failed.served);
  std::map<Hostname, ServedCertificate> chosen = ByHost(stable.served);
  std::set<std::string> taken;  // lineages whose revision is that of `failed`
  for (bool more = true; more;) {
    more = false;
    for (const auto& [host, old] : ByHost(stable.served)) {
      const auto at = chosen.find(host);
      if (at == chosen.end() || at->second != old) continue;
      const auto found = newer.find(host);
      const bool better =
          found != newer.end() && old.not_after <= now && found->second.not_after > now;
      // A snapshot has one revision of a lineage.
      if (!better && !taken.contains(old.lineage)) continue;
      if (found == newer.end()) {
        chosen.erase(at);
      } else if (found->second != old) {
        at->second = found->second;
        taken.insert(found->second.lineage);
      } else {
        continue;
      }
      more = true;
    }
  }
  if (!taken.empty()) ServeInstead(chosen, taken, failed.shared, &plan);
  plan.quic = FindQuicTerms(plan);
  return plan;
}

std::vector<ServedCertificate> ChangedCertificates(const Plan& before, const Plan& after) {
  std::map<Hostname, std::string> old;
  for (const ServedCertificate& served : before.served) old[served.host] = served.leaf_sha256;
  std::vector<ServedCertificate> changed;
  for (const ServedCertificate& served : after.served) {
    const auto found = old.find(served.host);
    if (found == old.end() || found->second != served.leaf_sha256) changed.push_back(served);
  }
  return changed;
}

std::vector<ServedSite> ChangedSites(const Plan& before, const Plan& after) {
  std::set<std::string> old;
  for (const ServedSite& site : before.sites) old.insert(site.mark);
  std::vector<ServedSite> changed;
  for (const ServedSite& site : after.sites) {
    if (!old.contains(site.mark)) changed.push_back(site);
  }
  return changed;
}

bool OnlyAddsFirstCertificates(const Plan& before, const Plan& after) {
  std::set<Hostname> had;
  for (const ServedCertificate& served : before.served) had.insert(served.host);
  const auto changed = ChangedCertificates(before, after);
  if (changed.empty()) return false;
  for (const ServedCertificate& served : changed) {
    if (had.contains(served.host)) return false;
  }
  // Sites change only by what follows from a certificate: the set of sites is the same.
  if (DiffersInQuic(before, after)) return false;
  const snapshot::Delta delta = snapshot::Difference(before.shared, after.shared);
  if (!delta.removals.empty()) return false;
  for (const auto& [key, body] : delta.upserts) {
    if (key.type == "certificate") continue;
    if (key.type != "site") return false;
    const Snapshot::Entry* old = before.shared.Find(key);
    if (old == nullptr) return false;
    types::v1::Site was;
    types::v1::Site is;
    LS_CHECK(was.ParseFromString(*old->body) && is.ParseFromString(*body));
    was.clear_secure_hosts();
    is.clear_secure_hosts();
    if (Serialise(was) != Serialise(is)) return false;
  }
  return true;
}

}  // namespace lockstep::controller::planner
