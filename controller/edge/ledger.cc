#include "controller/edge/ledger.h"

#include <algorithm>

namespace lockstep::controller::edge {
namespace {

constexpr size_t kNamesShown = 3;

bool Says(const NodeLedger& node, const Alternative& alternative) {
  return std::any_of(node.open.begin(), node.open.end(),
                     [&](const auto& value) { return value.second.contains(alternative); });
}

bool IsToldTo(const NodeLedger& node, const Alternative& alternative) {
  return !node.open.empty() && node.open.rbegin()->second.contains(alternative);
}

std::string List(const std::vector<NodeName>& nodes) {
  std::string out;
  for (size_t i = 0; i < nodes.size() && i < kNamesShown; ++i) {
    if (i > 0) out += ", ";
    out += nodes[i].str();
  }
  if (nodes.size() > kNamesShown) {
    out += " and " + std::to_string(nodes.size() - kNamesShown) + " more";
  }
  return out;
}

// The end that is known so far, of what has been closed.
std::optional<WallTime> ClosedEnd(const LedgerState& state, const Alternative& alternative,
                                  WallTime now) {
  std::optional<WallTime> end;
  for (const auto& [name, node] : state.nodes) {
    const auto found = node.closed.find(alternative);
    if (found != node.closed.end() && found->second > now) {
      end = std::max(end.value_or(found->second), found->second);
    }
  }
  return end;
}

std::string ReasonOf(const std::string& what, const Retirement& retirement) {
  if (!retirement.advertising.empty()) {
    return what + " is still advertised by " + List(retirement.advertising) +
           ": take it out of the Alt-Svc value first";
  }
  if (!retirement.unproved.empty()) {
    return "no end: " + List(retirement.unproved) + " may still advertise " + what +
           ", the switch is not proved there; bring it back, or prove that it is withdrawn";
  }
  return "clients may hold " + what + " for another " + FormatDuration(*retirement.left);
}

std::string ConsequenceOf(const std::string& what, const Retirement& retirement) {
  const std::string until = retirement.left ? "for up to " + FormatDuration(*retirement.left)
                                            : std::string("with no known end");
  return "clients that hold " + what + " go on trying it " + until +
         ": browsers lose time and avoid HTTP/3 for 5 minutes to 2 days, programs that trust their "
         "Alt-Svc cache fail; new clients go on being told where a node still advertises it";
}

}  // namespace

Offer OfferOf(const AltSvc& value) {
  Offer out;
  if (value.clear) return out;
  for (const AltSvcEntry& entry : value.entries) {
    Seconds& longest = out[entry.alternative];
    longest = std::max(longest, entry.max_age);
  }
  return out;
}

bool Ledger::MaySend(const NodeName& node, GenerationId generation, const Offer& value) {
  if (value.empty() && !state_.nodes.contains(node)) return false;
  auto& open = state_.nodes[node].open;
  // What holds for this generation already: the newest value up to it.
  const auto after = open.upper_bound(generation);
  if (after != open.begin() && std::prev(after)->second == value) return false;
  const auto [place, is_new] = open.try_emplace(generation, value);
  if (is_new) return true;
  bool changed = false;
  for (const auto& [alternative, max_age] : value) {
    Seconds& longest = place->second[alternative];
    changed = changed || longest < max_age;
    longest = std::max(longest, max_age);
  }
  return changed;
}

void Ledger::Close(NodeLedger* node, const Offer& offer, WallTime now) const {
  for (const auto& [alternative, max_age] : offer) {
    const WallTime end = now + options_.old_connections + options_.slack + max_age;
    WallTime& latest = node->closed.try_emplace(alternative, end).first->second;
    latest = std::max(latest, end);
  }
}

bool Ledger::Proved(const NodeName& node, GenerationId generation, WallTime now) {
  const auto found = state_.nodes.find(node);
  if (found == state_.nodes.end()) return false;
  auto& open = found->second.open;
  const auto after = open.upper_bound(generation);
  if (after == open.begin()) return false;
  const auto served = std::prev(after);
  if (served == open.begin()) return false;
  for (auto older = open.begin(); older != served; older = open.erase(older)) {
    Close(&found->second, older->second, now);
  }
  return true;
}

bool Ledger::Silent(const NodeName& node, WallTime now) {
  const auto found = state_.nodes.find(node);
  if (found == state_.nodes.end() || found->second.open.empty()) return false;
  for (const auto& [generation, offer] : found->second.open) Close(&found->second, offer, now);
  found->second.open.clear();
  return true;
}

Retirement Ledger::MayRetire(const Alternative& alternative, WallTime now) const {
  Retirement out;
  for (const auto& [name, node] : state_.nodes) {
    if (!Says(node, alternative)) continue;
    (IsToldTo(node, alternative) ? out.advertising : out.unproved).push_back(name);
  }
  const auto end = ClosedEnd(state_, alternative, now);
  const bool endless = !out.advertising.empty() || !out.unproved.empty();
  out.allowed = !endless && !end;
  if (out.allowed) return out;
  if (!endless) out.left = *end - now;
  out.reason = ReasonOf(ToString(alternative), out);
  out.if_forced = ConsequenceOf(ToString(alternative), out);
  return out;
}

std::map<Alternative, std::optional<WallTime>> Ledger::Ends(WallTime now) const {
  std::map<Alternative, std::optional<WallTime>> out;
  for (const auto& [name, node] : state_.nodes) {
    for (const auto& [alternative, end] : node.closed) {
      if (end <= now) continue;
      auto& latest = out.try_emplace(alternative, end).first->second;
      latest = std::max(*latest, end);
    }
  }
  for (const auto& [name, node] : state_.nodes) {
    for (const auto& [generation, offer] : node.open) {
      for (const auto& [alternative, max_age] : offer) out[alternative] = std::nullopt;
    }
  }
  return out;
}

bool Ledger::Prune(WallTime now) {
  bool changed = false;
  for (auto node = state_.nodes.begin(); node != state_.nodes.end();) {
    const auto gone = std::erase_if(node->second.closed,
                                    [now](const auto& closed) { return closed.second <= now; });
    const auto& open = node->second.open;
    const bool says_nothing = open.empty() || (open.size() == 1 && open.begin()->second.empty());
    const bool empty = node->second.closed.empty() && says_nothing;
    changed = changed || gone > 0 || empty;
    node = empty ? state_.nodes.erase(node) : std::next(node);
  }
  return changed;
}

}  // namespace lockstep::controller::edge
