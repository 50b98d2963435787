#include "controller/promises/sights.h"

#include <algorithm>

namespace lockstep::controller::promises {
namespace {

const planner::ServedSite* FindSite(const planner::Plan& plan, const std::string& name) {
  const auto found =
      std::ranges::find_if(plan.sites, [&](const auto& site) { return site.name == name; });
  return found == plan.sites.end() ? nullptr : &*found;
}

std::vector<planner::ServedCertificate> CertificatesOf(const planner::Plan& plan,
                                                       const planner::ServedSite& site) {
  std::vector<planner::ServedCertificate> out;
  for (const planner::ServedCertificate& served : plan.served) {
    if (std::ranges::find(site.secure_hosts, served.host) != site.secure_hosts.end()) {
      out.push_back(served);
    }
  }
  return out;
}

// With what the node serves now. Where nobody listens a look says nothing.
bool ServesHttp3(const fleet::LiveNode& live) { return !live.quic || live.quic->is_served; }

// The newest look through some address was answered wrongly, or not at all.
bool IsBroken(const fleet::LiveNode& live, const std::vector<Hostname>& hosts,
              const std::vector<IpAddress>& service_addresses, const model::ProofBook& book) {
  const auto is_bad = [&](const Hostname& host, const IpAddress& address, bool witnessed) {
    const auto found =
        book.find({live.node.name, model::ProbeKind::kQuic, host, "", address, witnessed});
    return found != book.end() && !found->second.good && found->second.boot_id == live.boot_id;
  };
  for (const Hostname& host : hosts) {
    for (const IpAddress& address : service_addresses) {
      if (is_bad(host, address, false)) return true;
    }
    for (const IpAddress& address : live.node.addresses) {
      if (ServesHttp3(live) && is_bad(host, address, true)) return true;
    }
  }
  return false;
}

std::string FirstOf(const barrier::Verdict& verdict) {
  return verdict.missing.empty() ? "not proved" : verdict.missing.front();
}

}  // namespace

const Sights::Terms& Sights::TermsOf(const publish::Release& release, const std::string& site) {
  const auto [at, is_new] = terms_.try_emplace({release.generation.number, site});
  if (!is_new) return at->second;
  Terms& terms = at->second;
  const planner::Plan& plan = *release.plan;
  terms.site = FindSite(plan, site);
  if (terms.site == nullptr) return terms;
  terms.handshakes = publish::Targets(CertificatesOf(plan, *terms.site), {}, plan.quic);
  terms.mark = publish::Targets({}, {*terms.site});
  return terms;
}

NodeSight Sights::LookAt(const fleet::LiveNode& live, const std::string& site, SiteSight* out) {
  const std::string name = live.node.name.str();
  NodeSight sight;
  const publish::Release* release =
      live.connected ? publisher_.FindApplied(live.node.name) : nullptr;
  if (release == nullptr) {
    sight.no_http3 = live.connected ? name + ": has not acknowledged what it is to serve"
                                    : name + ": is not connected and counts as announcing";
    sight.not_shown = sight.no_http3;
    return sight;
  }
  sight.generation = {release->generation.epoch_counter, release->generation.number};
  const Terms& terms = TermsOf(*release, site);
  if (terms.site == nullptr) {
    sight.no_http3 = name + ": does not serve the site";
    return sight;
  }
  sight.value = terms.site->alt_svc;
  const auto take = [out](const barrier::Verdict& verdict) {
    out->ask_witness.insert(out->ask_witness.end(), verdict.ask_witness.begin(),
                            verdict.ask_witness.end());
  };
  const barrier::Verdict handshakes = terms.handshakes.Judge(live, fleet_);
  take(handshakes);
  if (live.RefusesQuic()) {
    sight.no_http3 = name + ": refuses HTTP/3 as it was told to, and counts as announcing";
  } else if (terms.site->secure_hosts.empty()) {
    sight.no_http3 = "no host of the site has a certificate";
  } else if (!handshakes.open) {
    sight.no_http3 = FirstOf(handshakes);
  }
  if (IsBroken(live, terms.site->secure_hosts, fleet_.service_addresses(), fleet_.book())) {
    sight.http3 = edge::Sight::kBroken;
  } else if (sight.no_http3.empty()) {
    sight.http3 = edge::Sight::kWorks;
  }
  if (!live.KnowsSiteMarks()) {
    sight.not_shown = name + ": its agent is too old to show which version of a site it serves";
    return sight;
  }
  const barrier::Verdict mark = terms.mark.Judge(live, fleet_);
  take(mark);
  if (!mark.open) sight.not_shown = FirstOf(mark);
  return sight;
}

SiteSight Sights::Look(const std::string& site) {
  SiteSight out;
  for (const auto& [name, live] : fleet_.nodes()) {
    if (live.CountsAsAnnouncing()) out.nodes.emplace(name, LookAt(live, site, &out));
  }
  return out;
}

std::optional<edge::Sight> Sights::LookAtWithdrawn(const fleet::LiveNode& live,
                                                   const std::string& site) {
  // Without terms the server is one that has no listener on its own addresses alone.
  if (!live.quic) return std::nullopt;
  const publish::Release* release = publisher_.stable();
  const planner::ServedSite* served = release == nullptr ? nullptr : FindSite(*release->plan, site);
  if (served == nullptr || served->secure_hosts.empty()) return std::nullopt;
  const auto subjects = WitnessedHttp3(live, served->secure_hosts.front());
  if (subjects.empty()) return std::nullopt;
  edge::Sight sight = edge::Sight::kWorks;
  for (const model::ProofSubject& subject : subjects) {
    const auto found = fleet_.book().find(subject);
    const bool seen = found != fleet_.book().end() && found->second.boot_id == live.boot_id;
    if (seen && !found->second.good) return edge::Sight::kBroken;
    if (!seen) sight = edge::Sight::kUnknown;
  }
  return sight;
}

std::vector<model::ProofSubject> WitnessedHttp3(const fleet::LiveNode& live, const Hostname& host) {
  std::vector<model::ProofSubject> out;
  if (!ServesHttp3(live)) return out;
  for (const IpAddress& address : live.node.addresses) {
    out.push_back({live.node.name, model::ProbeKind::kQuic, host, "", address, true});
  }
  return out;
}

}  // namespace lockstep::controller::promises
