#include "agent/witness/authorize.h"

#include <algorithm>

namespace lockstep::agent::witness {
namespace {

const reconcile::Peer* FindPeer(const reconcile::Desired& desired, const std::string& node) {
  const auto found = std::find_if(desired.peers.begin(), desired.peers.end(),
                                  [&](const auto& peer) { return peer.node.str() == node; });
  return found == desired.peers.end() ? nullptr : &*found;
}

std::set<std::string> HostsOf(const Knowledge& knowledge) {
  std::set<std::string> hosts;
  for (const reconcile::Site& site : knowledge.desired->sites) {
    for (const Hostname& host : site.hosts) hosts.insert(host.ascii());
  }
  // A certificate may be there before the site that it is for.
  for (const reconcile::Certificate& certificate : knowledge.desired->certificates) {
    for (const Hostname& host : certificate.hosts) hosts.insert(host.ascii());
  }
  for (const auto& [host, token] : knowledge.live) hosts.insert(host);
  return hosts;
}

Result<look::Look> CheckTarget(const agent::v1::WitnessTarget& target, const reconcile::Peer& peer,
                               const std::set<std::string>& hosts) {
  look::Look look;
  look.kind = target.kind();
  LS_ASSIGN_OR_RETURN(look.address, IpAddress::Parse(target.address()));
  LS_ASSIGN_OR_RETURN(look.host, Hostname::Parse(target.host()));
  if (std::find(peer.addresses.begin(), peer.addresses.end(), look.address) ==
      peer.addresses.end()) {
    return PermissionDenied(look.address.ToString() + " is no address of " + peer.node.str());
  }
  if (look.kind != types::v1::PROBE_KIND_SITE && !hosts.contains(look.host.ascii())) {
    return PermissionDenied(look.host.ascii() + " is neither served here nor in the live lane");
  }
  switch (target.kind()) {
    case types::v1::PROBE_KIND_CHALLENGE: {
      LS_ASSIGN_OR_RETURN(look.token, ChallengeToken::Parse(target.token()));
      return look;
    }
    case types::v1::PROBE_KIND_TLS:
    case types::v1::PROBE_KIND_QUIC:
      if (!target.token().empty()) return InvalidArgument("a handshake has no token");
      return look;
    case types::v1::PROBE_KIND_SITE: {
      LS_ASSIGN_OR_RETURN(look.mark, SiteMark::Parse(target.token()));
      return look;
    }
    default:
      return InvalidArgument("kind is not known to this version");
  }
}

}  // namespace

Result<std::vector<look::Look>> Authorize(const agent::v1::WitnessRequest& request,
                                          const NodeName& self, const Knowledge& knowledge) {
  if (knowledge.desired == nullptr) return PermissionDenied("this node has no snapshot yet");
  if (request.subject() == self.str()) return PermissionDenied("a node is no witness of itself");
  const reconcile::Peer* peer = FindPeer(*knowledge.desired, request.subject());
  if (peer == nullptr) {
    return PermissionDenied("node " + Quoted(request.subject()) + " is no peer of this one");
  }
  if (request.targets_size() == 0 || request.targets_size() > kMaxTargets) {
    return InvalidArgument("targets must be 1 to " + std::to_string(kMaxTargets) + ", not " +
                           std::to_string(request.targets_size()));
  }
  const std::set<std::string> hosts = HostsOf(knowledge);
  std::vector<look::Look> looks;
  for (int i = 0; i < request.targets_size(); ++i) {
    Result<look::Look> look = CheckTarget(request.targets(i), *peer, hosts);
    if (!look.ok()) return look.status().Prefixed("targets[" + std::to_string(i) + "]");
    looks.push_back(*std::move(look));
  }
  return looks;
}

}  // namespace lockstep::agent::witness
