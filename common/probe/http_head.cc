#include "common/probe/http_head.h"

#include <algorithm>
#include <charconv>

namespace lockstep::probe {
namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

}  // namespace

void HttpHead::Begin(std::string_view status_line) {
  open_ = true;
  status_code_ = 0;
  fields_.clear();
  const size_t space = status_line.find(' ');
  if (space == std::string_view::npos) return;
  const std::string_view code = status_line.substr(space + 1, 3);
  int value = 0;
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), value);
  if (error == std::errc() && end == code.data() + 3 && value >= 100) status_code_ = value;
}

bool HttpHead::Take(std::string_view line) {
  bytes_ += line.size();
  if (bytes_ > kMaxBytes) return false;
  if (line.starts_with("HTTP/")) {
    Begin(line);
    return true;
  }
  if (!open_) return true;
  line = Trim(line);
  if (line.empty()) {
    open_ = false;
    return true;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return true;
  if (fields_.size() == kMaxFields) return false;
  fields_.emplace(Lower(line.substr(0, colon)), std::string(Trim(line.substr(colon + 1))));
  return true;
}

}  // namespace lockstep::probe
