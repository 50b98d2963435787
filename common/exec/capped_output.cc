#include "common/exec/capped_output.h"

#include <algorithm>

namespace lockstep::exec {

void CappedOutput::Append(std::string_view bytes) {
  total_ += bytes.size();
  const size_t to_head = std::min(bytes.size(), half_ - head_.size());
  head_.append(bytes.substr(0, to_head));
  bytes.remove_prefix(to_head);
  tail_.append(bytes);
  const size_t keep = cap_ - half_;
  if (tail_.size() > 2 * keep) tail_.erase(0, tail_.size() - keep);
}

size_t CappedOutput::TailSize() const { return std::min(tail_.size(), cap_ - half_); }

uint64_t CappedOutput::left_out_bytes() const { return total_ - head_.size() - TailSize(); }

std::string CappedOutput::Text() const {
  std::string text = head_;
  if (const uint64_t gap = left_out_bytes(); gap > 0) {
    text += "\n[... " + std::to_string(gap) + " bytes left out ...]\n";
  }
  text.append(tail_, tail_.size() - TailSize());
  return text;
}

}  // namespace lockstep::exec
