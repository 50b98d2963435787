#include "common/probe/observation.h"

namespace lockstep::probe {

std::optional<std::string> HttpObservation::FindHeader(const std::string& name) const {
  const auto [first, last] = headers.equal_range(name);
  if (first == last) return std::nullopt;
  std::string out = first->second;
  for (auto it = std::next(first); it != last; ++it) out += ", " + it->second;
  return out;
}

}  // namespace lockstep::probe
