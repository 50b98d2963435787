#include "controller/lint/facts.h"

#include <algorithm>

#include "controller/planner/edge.h"

namespace lockstep::controller::lint {
namespace {

Seconds ToSeconds(Micros duration) { return std::chrono::duration_cast<Seconds>(duration); }

}  // namespace

const char* AspectName(Aspect aspect) {
  switch (aspect) {
    case Aspect::kPromise:
      return "what is promised and planned";
    case Aspect::kDns:
      return "HTTPS and address records";
    case Aspect::kAnswers:
      return "answers over HTTP/1.1";
    case Aspect::kHandshakes:
      return "handshakes over HTTP/3";
    case Aspect::kMigration:
      return "migration, as clients are told";
  }
  return "unknown";
}

void SiteFacts::SetSeen(Aspect aspect, size_t seen, size_t all, const std::string& noun) {
  const std::string count =
      std::to_string(seen) + " of " + std::to_string(all) + " " + noun + (all == 1 ? "" : "s");
  if (seen > 0) looked_at[aspect] = count;
  if (seen == all) {
    whole.insert(aspect);
  } else {
    not_looked_at.push_back(std::string(AspectName(aspect)) + ": only " + count);
  }
}

SiteFacts FactsOf(const model::Site& site, const Promised& promised,
                  const model::EdgePolicy& policy, const std::vector<model::Node>& nodes,
                  const std::vector<IpAddress>& service_addresses, WallTime now) {
  SiteFacts out;
  out.site = site.name;
  const planner::SiteEdge of_site = planner::ResolveSite(policy, site.name);
  edge::LintInput& input = out.input;
  input.now = now;
  input.hosts = site.hosts;
  input.wanted = promised.wanted;
  input.before = promised.before;
  input.floor = ToSeconds(of_site.alt_svc_floor.value);
  input.ceiling = std::max(ToSeconds(of_site.alt_svc_ceiling.value), input.floor);
  input.wants_migration_disabled = of_site.disable_active_migration.value;
  input.service_addresses = service_addresses;
  // Until the DNS says otherwise.
  input.origin = {of_site.situation.value == model::Situation::kAnycast, true};
  for (const model::Node& node : nodes) {
    input.node_names.push_back(node.name.str());
    const planner::NodeEdge of_node = planner::ResolveNode(policy, node);
    for (const IpAddress& own : node.addresses) out.owners.emplace(own, node.name);
    for (const auto& preferred : of_node.addresses) {
      out.owners.emplace(preferred.advertised, node.name);
    }
    // The policy takes it away as soon as it gets there.
    if (of_node.quic_server.value == model::QuicServer::kNone) {
      input.planned_ends[edge::SameHostHttp3()] = now;
    }
  }
  for (const IpAddress& shared : service_addresses) out.owners.erase(shared);
  out.whole.insert(Aspect::kPromise);
  out.looked_at[Aspect::kPromise] = promised.wanted == edge::AltSvc()
                                        ? "nothing is promised"
                                        : edge::RenderAltSvc(promised.wanted);
  return out;
}

}  // namespace lockstep::controller::lint
