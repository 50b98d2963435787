// Which known word an unknown one was probably meant to be.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace lockstep::conf {

// How many letters must be added, dropped, changed or swapped with their neighbour to get from one
// to the other (optimal string alignment).
size_t EditDistance(std::string_view a, std::string_view b);

// The nearest of `known`, if it is near enough to be worth a suggestion.
std::optional<std::string> FindNearest(std::string_view word,
                                       const std::set<std::string, std::less<>>& known);

}  // namespace lockstep::conf
