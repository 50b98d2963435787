// Pages of lists that are sorted by a name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/status/status.h"

namespace lockstep::controller::adminapi {

inline constexpr size_t kNamesPerPage = 1000;
inline constexpr size_t kRecordsPerPage = 100;

inline size_t PageSize(uint32_t asked, size_t usual) { return asked == 0 ? usual : asked; }

// Which of `names` (sorted) make the page after `page_token`, itself the last name of the page
// before: [begin, end). `next` is the token of the page after, empty on the last.
struct Page {
  size_t begin = 0;
  size_t end = 0;
  std::string next;
};
Page PageOf(const std::vector<std::string>& names, const std::string& page_token, size_t size);

// The number that such a token of a list by number is: the last one of the page before. 0 for an
// empty token; INVALID_ARGUMENT for one that is not ours.
Result<uint64_t> NumberOfPage(const std::string& page_token);

}  // namespace lockstep::controller::adminapi
