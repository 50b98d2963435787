#include "controller/planner/waves.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "common/base/hostname.h"

namespace lockstep::controller::planner {

Result<WaveSize> WaveSize::Parse(std::string_view text) {
  const bool percent = text.ends_with('%');
  const std::string_view digits = percent ? text.substr(0, text.size() - 1) : text;
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool number = error == std::errc() && end == digits.data() + digits.size();
  if (!number || value < 1 || (percent && value > 100)) {
    return InvalidArgument("wave " + Quoted(text) +
                           " must be a number of nodes (\"1\") or a part of the fleet (\"10%\")");
  }
  return percent ? WaveSize{0, value} : WaveSize{value, 0};
}

int WaveSize::Reach(int fleet) const {
  // 2 of 4, 1 of 3, 2 of 16 at 10 %: a wave of half the fleet is never the larger half.
  const int reach = nodes > 0 ? nodes : (fleet * percent + 49) / 100;
  return std::clamp(reach, std::min(1, fleet), fleet);
}

std::vector<std::vector<NodeName>> MakeWaves(const std::vector<model::Node>& nodes,
                                             const std::vector<WaveSize>& sizes) {
  // Deal the pops' nodes out in turn.
  std::map<PopName, std::vector<NodeName>> pops;
  for (const model::Node& node : nodes) pops[node.pop].push_back(node.name);
  for (auto& [pop, names] : pops) std::sort(names.begin(), names.end());
  std::vector<NodeName> order;
  for (size_t turn = 0; order.size() < nodes.size(); ++turn) {
    for (const auto& [pop, names] : pops) {
      if (turn < names.size()) order.push_back(names[turn]);
    }
  }

  const int fleet = static_cast<int>(order.size());
  std::vector<std::vector<NodeName>> waves;
  int done = 0;
  const auto take = [&](int until) {
    if (until <= done) return;
    waves.emplace_back(order.begin() + done, order.begin() + until);
    done = until;
  };
  for (const WaveSize& size : sizes) take(size.Reach(fleet));
  take(fleet);
  return waves;
}

}  // namespace lockstep::controller::planner
