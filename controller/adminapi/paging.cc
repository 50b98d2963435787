#include "controller/adminapi/paging.h"

#include <algorithm>

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

}  // namespace lockstep::controller::adminapi
