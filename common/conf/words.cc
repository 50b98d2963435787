#include "common/conf/words.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "common/base/hostname.h"
#include "common/conf/conf.h"

namespace lockstep::conf {

size_t EditDistance(std::string_view a, std::string_view b) {
  // Three rows of the table: the one being filled and the two above it.
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({change, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

std::optional<std::string> FindNearest(std::string_view word,
                                       const std::set<std::string, std::less<>>& known) {
  constexpr size_t kLongest = 64;
  if (word.size() > kLongest) return std::nullopt;
  const size_t near = std::clamp<size_t>(word.size() / 3, 1, 3);
  std::optional<std::string> nearest;
  size_t least = near + 1;
  for (const std::string& candidate : known) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

Result<Micros> ParseDuration(std::string_view text) {
  static constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"ms", 1'000},        {"s", 1'000'000},      {"m", 60'000'000},
      {"h", 3'600'000'000}, {"d", 86'400'000'000},
  };
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  for (const auto& [name, micros] : kUnits) {
    if (error != std::errc() || count < 0 || unit != name) continue;
    int64_t total = 0;
    if (__builtin_mul_overflow(count, micros, &total)) break;
    return Micros(total);
  }
  return InvalidArgument("must be a duration such as 250ms, 30s, 5m, 12h or 7d, not " +
                         Quoted(text));
}

Result<Percentage> Percentage::Parse(std::string_view text) {
  Percentage out;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, out.percent, std::chars_format::fixed);
  if (parsed.ec == std::errc() && std::string_view(parsed.ptr, end) == "%" && out.percent >= 0 &&
      out.percent <= 100) {
    return out;
  }
  return InvalidArgument("must be a percentage from 0% to 100%, not " + Quoted(text));
}

}  // namespace lockstep::conf
