// What a stream said, within a bound: its head and its tail.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep::exec {

class CappedOutput {
 public:
  explicit CappedOutput(size_t cap_bytes) : half_(cap_bytes / 2), cap_(cap_bytes) {}

  void Append(std::string_view bytes);
  uint64_t left_out_bytes() const;
  // Head, "\n[... N bytes left out ...]\n" if there is a gap, tail.
  std::string Text() const;

 private:
  size_t TailSize() const;

  size_t half_;
  size_t cap_;
  std::string head_;  // at most half_
  std::string tail_;  // its last cap_ - half_ bytes count; trimmed when twice that
  uint64_t total_ = 0;
};

}  // namespace lockstep::exec
