#include "controller/edge/keeping.h"

#include <algorithm>
#include <set>

namespace lockstep::controller::edge {
namespace {

constexpr uint32_t kMostRelapseDoublings = 4;

using Node = KeepingFacts::Node;

size_t CountOf(const Node& node, Sight sight) {
  return static_cast<size_t>(
      std::count_if(node.sites.begin(), node.sites.end(),
                    [sight](const auto& site) { return site.second == sight; }));
}

// Sites that two or more nodes lack while they serve others: not the nodes are at fault.
std::set<std::string> SitesAtFault(const KeepingFacts& facts) {
  std::map<std::string, int> lacking;
  for (const auto& [name, node] : facts.nodes) {
    if (CountOf(node, Sight::kWorks) == 0) continue;
    for (const auto& [site, sight] : node.sites) {
      if (sight == Sight::kBroken) ++lacking[site];
    }
  }
  std::set<std::string> out;
  for (const auto& [site, nodes] : lacking) {
    if (nodes > 1) out.insert(site);
  }
  return out;
}

Sight SightOf(const Node& node, const std::set<std::string>& at_fault) {
  Sight out = Sight::kUnknown;
  for (const auto& [site, sight] : node.sites) {
    if (sight == Sight::kBroken && !at_fault.contains(site)) return Sight::kBroken;
    if (sight == Sight::kWorks) out = Sight::kWorks;
  }
  return out;
}

// A loss that comes and goes counts from its first moment, until it has stayed away long enough.
void Note(Sight sight, const KeepingOptions& options, WallTime now, NodeKeeping* node) {
  if (sight == Sight::kBroken) {
    node->works_since.reset();
    if (!node->broken_since) node->broken_since = now;
  } else if (sight == Sight::kWorks) {
    if (!node->works_since) node->works_since = now;
    const Micros works = now - *node->works_since;
    if (works >= options.confirm) node->broken_since.reset();
    if (works >= options.forget_relapses) node->relapses = 0;
  }
}

Micros ReleaseAfter(const NodeKeeping& node, const KeepingOptions& options) {
  const uint32_t doublings =
      node.relapses > 0 ? std::min(node.relapses - 1, kMostRelapseDoublings) : 0;
  return options.release * (int64_t{1} << doublings);
}

void LookAt(WallTime at, WallTime now, Keeping* out) {
  if (at > now) out->look_at = std::min(out->look_at.value_or(at), at);
}

bool IsLost(const NodeKeeping& node, const KeepingOptions& options, WallTime now) {
  return node.broken_since && now - *node.broken_since >= options.confirm;
}

void Release(const KeepingOptions& options, WallTime now, Keeping* out) {
  for (auto& [name, node] : out->state.nodes) {
    if (!node.marked_since || !node.works_since) continue;
    const WallTime due = *node.works_since + ReleaseAfter(node, options);
    if (now >= due) node.marked_since.reset();
    LookAt(due, now, out);
  }
}

// Marks all that are lost, or none of them: to withdraw some of those that the floor does not let
// go would cost capacity and save no promise. Waits for those whose loss is not confirmed yet: what
// breaks everywhere within a minute is no node's own fault. Returns who is lost and must stay.
std::vector<NodeName> Mark(const KeepingFacts& facts, const KeepingOptions& options, WallTime now,
                           Keeping* out) {
  std::vector<NodeName> lost;
  size_t staying = 0;  // announced
  size_t leaving = 0;  // of them
  size_t suspects = 0;
  for (const auto& [name, node] : facts.nodes) {
    NodeKeeping& kept = out->state.nodes[name];
    if (!node.available || kept.marked_since) continue;
    const size_t counts = node.returning ? 0 : 1;
    staying += counts;
    if (!kept.broken_since) continue;
    if (IsLost(kept, options, now)) {
      lost.push_back(name);
      leaving += counts;
    } else {
      suspects += counts;
      LookAt(*kept.broken_since + options.confirm, now, out);
    }
  }
  if (lost.empty() || leaving + options.floor > staying) return lost;
  if (leaving + suspects + options.floor > staying) return {};
  for (const NodeName& name : lost) {
    out->state.nodes[name].marked_since = now;
    ++out->state.nodes[name].relapses;
  }
  return {};
}

// Others may go by themselves after some were marked. A marked node that serves everything but
// HTTP/3 is better than none, and comes back after a while; it leaves again when enough others have
// been there for long enough.
void KeepFloor(const KeepingFacts& facts, const KeepingOptions& options, WallTime now,
               Keeping* out) {
  size_t staying = 0;
  for (const auto& [name, node] : facts.nodes) {
    if (node.available && !node.returning && !out->state.nodes[name].marked_since) ++staying;
  }
  model::KeepingFloor& floor = out->state.floor;
  if (staying < options.floor) {
    floor.enough_since.reset();
    if (!floor.short_since) floor.short_since = now;
    const WallTime due = *floor.short_since + options.confirm;
    floor.called_back = floor.called_back || now >= due;
    LookAt(due, now, out);
  } else {
    floor.short_since.reset();
    if (floor.called_back && !floor.enough_since) floor.enough_since = now;
    const WallTime due = floor.enough_since.value_or(now) + options.release;
    if (now >= due) floor = {};
    if (floor.called_back) LookAt(due, now, out);
  }
  out->marked = floor.called_back   ? Marked::kWithoutHttp3
                : floor.short_since ? Marked::kAsItIs
                                    : Marked::kWithdraw;
}

std::string WhyWithdrawn(const NodeKeeping& node) {
  if (!node.broken_since) return "HTTP/3 works again, and is watched before the node returns";
  return "HTTP/3 is promised and broken here since " + FormatTime(*node.broken_since);
}

void StepBack(const KeepingFacts& facts, const std::vector<NodeName>& lost,
              const KeepingOptions& options, Keeping* out) {
  for (const NodeName& name : lost) {
    for (const auto& [site, sight] : facts.nodes.at(name).sites) {
      if (sight != Sight::kBroken) continue;
      out->step_back.try_emplace(site,
                                 "HTTP/3 is broken on " + name.str() + ", and fewer than " +
                                     std::to_string(options.floor) +
                                     " nodes would stay announced without those that lost it");
    }
  }
}

void StepBackAtFault(const KeepingState& before, const std::set<std::string>& at_fault,
                     const KeepingOptions& options, WallTime now, Keeping* out) {
  for (const std::string& site : at_fault) {
    const auto known = before.at_fault_since.find(site);
    const WallTime since = known == before.at_fault_since.end() ? now : known->second;
    out->state.at_fault_since[site] = since;
    if (now - since < options.confirm) {
      LookAt(since + options.confirm, now, out);
      continue;
    }
    out->step_back.try_emplace(site,
                               "HTTP/3 of this site is broken on several nodes that serve "
                               "other sites by it");
  }
}

}  // namespace

Keeping Keep(const KeepingState& state, const KeepingFacts& facts, const KeepingOptions& options,
             WallTime now) {
  Keeping out;
  const auto at_fault = SitesAtFault(facts);
  out.state.floor = state.floor;
  for (const auto& [name, node] : facts.nodes) {
    const auto before = state.nodes.find(name);
    NodeKeeping& kept = out.state.nodes[name];
    if (before != state.nodes.end()) kept = before->second;
    // A node that nothing promised depends on has lost nothing.
    Note(node.sites.empty() ? Sight::kWorks : SightOf(node, at_fault), options, now, &kept);
  }
  Release(options, now, &out);
  std::vector<NodeName> must_stay = Mark(facts, options, now, &out);
  KeepFloor(facts, options, now, &out);
  if (out.marked == Marked::kWithoutHttp3) {
    for (const auto& [name, node] : out.state.nodes) {
      if (node.marked_since && facts.nodes.at(name).available) must_stay.push_back(name);
    }
  }
  StepBack(facts, must_stay, options, &out);
  StepBackAtFault(state, at_fault, options, now, &out);
  for (const auto& [name, node] : out.state.nodes) {
    if (node.marked_since) out.withdraw.emplace(name, WhyWithdrawn(node));
  }
  return out;
}

}  // namespace lockstep::controller::edge
