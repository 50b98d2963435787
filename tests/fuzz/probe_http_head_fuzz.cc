// Arbitrary bytes as the head of an HTTP answer, cut into lines as libcurl does.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/probe/http_head.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using lockstep::probe::HttpHead;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  HttpHead head;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    if (!head.Take(rest.substr(0, end))) break;
    rest.remove_prefix(end);
  }
  if (head.fields().size() > HttpHead::kMaxFields || head.status_code() > 999) __builtin_trap();
  return 0;
}
