// The head of an HTTP/1.1 response, line by line.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace lockstep::probe {

// Takes the lines as they arrive. An interim (1xx) head is forgotten when the next one begins, and
// trailers after the body are not taken for headers.
class HttpHead {
 public:
  static constexpr size_t kMaxBytes = 65536;
  static constexpr size_t kMaxFields = 256;

  // One line with or without its line end. False once the head is too large.
  bool Take(std::string_view line);

  // 0 until a status line came.
  int status_code() const { return status_code_; }
  // Names in lower case, values without surrounding white space.
  const std::multimap<std::string, std::string>& fields() const { return fields_; }

 private:
  void Begin(std::string_view status_line);

  bool open_ = false;  // between a status line and the empty line
  int status_code_ = 0;
  size_t bytes_ = 0;  // of all heads, so that endless interim ones end too
  std::multimap<std::string, std::string> fields_;
};

}  // namespace lockstep::probe
