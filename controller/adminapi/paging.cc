#include "controller/adminapi/paging.h"

#include <algorithm>
#include <charconv>

namespace lockstep::controller::adminapi {

Page PageOf(const std::vector<std::string>& names, const std::string& page_token, size_t size) {
  Page page;
  if (!page_token.empty()) {
    page.begin = static_cast<size_t>(std::ranges::upper_bound(names, page_token) - names.begin());
  }
  page.end = std::min(names.size(), page.begin + size);
  if (page.end < names.size() && page.end > page.begin) page.next = names[page.end - 1];
  return page;
}

Result<uint64_t> NumberOfPage(const std::string& page_token) {
  uint64_t number = 0;
  if (page_token.empty()) return number;
  const char* end = page_token.data() + page_token.size();
  const auto [at, error] = std::from_chars(page_token.data(), end, number);
  if (error == std::errc() && at == end) return number;
  return InvalidArgument("page_token: is not one of ours");
}

}  // namespace lockstep::controller::adminapi
