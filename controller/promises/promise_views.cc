// What the promises look like to operators, and what a policy would break of them.
#include <algorithm>

#include "controller/planner/edge.h"
#include "controller/promises/promises.h"

namespace lockstep::controller::promises {
namespace {

std::string TextOf(const edge::Offer& offer) {
  edge::AltSvc value;
  for (const auto& [alternative, max_age] : offer) value.entries.push_back({alternative, max_age});
  return edge::RenderAltSvc(value);
}

std::vector<HoldView> HoldsOf(const Record& record, WallTime now) {
  std::vector<HoldView> out;
  for (const auto& [alternative, until] : record.ledger.Ends(now)) {
    out.push_back({edge::ToString(alternative), until, record.ledger.MayRetire(alternative, now)});
  }
  return out;
}

// Nodes that have a QUIC server and would have none.
std::vector<std::string> Losing(const model::EdgePolicy& before, const model::EdgePolicy& after,
                                const std::vector<model::Node>& nodes) {
  std::vector<std::string> out;
  for (const model::Node& node : nodes) {
    const auto has = [&](const model::EdgePolicy& policy) {
      return planner::ResolveNode(policy, node).quic_server.value != model::QuicServer::kNone;
    };
    if (has(before) && !has(after)) out.push_back(node.name.str());
  }
  return out;
}

}  // namespace

std::vector<SiteView> Promises::View() const {
  const WallTime now = state_.clock().Now();
  std::vector<SiteView> out;
  for (const auto& [site, record] : records_.all()) {
    SiteView view{site,        edge::RenderAltSvc(edge::ValueOf(record.ramp)),
                  record.ramp, record.switched_off,
                  "",          std::nullopt,
                  {},          HoldsOf(record, now)};
    for (const auto& [name, node] : record.ledger.state().nodes) {
      for (const auto& [generation, offer] : node.open) {
        view.nodes[name].values.push_back(TextOf(offer));
        view.nodes[name].generation = generation.number;
      }
    }
    if (const auto seen = seen_.find(site); seen != seen_.end()) {
      view.note = seen->second.note;
      view.next_at = seen->second.next_at;
      for (const auto& [name, node] : seen->second.sight.nodes) {
        NodeView& to = view.nodes[name];
        to.missing = node.not_shown;
        if (to.missing.empty() && node.value != view.value) {
          to.missing = name.str() + ": serves a generation with " +
                       (node.value.empty() ? "none" : node.value);
        }
      }
    }
    out.push_back(std::move(view));
  }
  return out;
}

std::vector<policy::Breach> Promises::BreachesOf(const model::EdgePolicy& wanted) const {
  const auto losing = Losing(sources_.policy(), wanted, fleet_.EnrolledNodes());
  std::vector<policy::Breach> out;
  if (losing.empty()) return out;
  const std::string where =
      losing.size() == 1 ? losing.front()
                         : losing.front() + " and " + std::to_string(losing.size() - 1) + " more";
  const WallTime now = state_.clock().Now();
  for (const auto& [site, record] : records_.all()) {
    const edge::Retirement retirement = record.ledger.MayRetire(edge::SameHostHttp3(), now);
    if (retirement.allowed) continue;
    const std::string of_site = "site " + site + ": ";
    std::string reason = of_site + where;
    reason.append(" would stop answering HTTP/3, and ").append(retirement.reason);
    if (!retirement.advertising.empty()) {
      reason.append(" (lockstep alt-svc off ").append(site).append(")");
    }
    out.push_back({std::move(reason), of_site + retirement.if_forced});
  }
  return out;
}

}  // namespace lockstep::controller::promises
