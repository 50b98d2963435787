#include "agent/quicd/upstream/request_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace lockstep::agent::quicd::upstream {
namespace {

std::string ChunkSize(size_t bytes) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), bytes, 16).ptr;
  return std::string(digits.begin(), end) + "\r\n";
}

}  // namespace

RequestWriter::RequestWriter(Framing framing, std::optional<uint64_t> content_length)
    : framing_(framing),
      left_(framing == Framing::kLength ? content_length.value_or(0) : 0),
      finished_(framing == Framing::kNone) {}

void RequestWriter::Begin(std::string head) {
  before_ = std::move(head);
  sent_ = 0;
  end_framed_ = false;
}

bool RequestWriter::Append(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return true;
  if (finished_) return false;
  if (framing_ == Framing::kLength) {
    if (bytes.size() > left_) return false;
    left_ -= bytes.size();
  }
  queued_.insert(queued_.end(), bytes.begin(), bytes.end());
  return true;
}

bool RequestWriter::Finish() {
  finished_ = true;
  return left_ == 0;
}

std::span<iovec> RequestWriter::Gather(std::span<iovec, kParts> parts) {
  if (sent_ == before_.size() + piece_.size() + after_.size()) NextPiece();
  size_t count = 0;
  size_t skip = sent_;
  const auto add = [&](const void* bytes, size_t size) {
    const size_t gone = std::min(skip, size);
    skip -= gone;
    if (gone == size) return;
    parts[count++] = {const_cast<char*>(static_cast<const char*>(bytes)) + gone, size - gone};
  };
  add(before_.data(), before_.size());
  add(piece_.data(), piece_.size());
  add(after_.data(), after_.size());
  return parts.first(count);
}

// Only once the one before is out altogether.
void RequestWriter::NextPiece() {
  sent_ = 0;
  before_.clear();
  piece_.clear();
  after_.clear();
  std::swap(piece_, queued_);
  body_begun_ |= !piece_.empty();
  if (framing_ != Framing::kChunked) return;
  if (!piece_.empty()) {
    before_ = ChunkSize(piece_.size());
    after_ = "\r\n";
  }
  if (finished_ && !end_framed_) {
    (piece_.empty() ? before_ : after_) += "0\r\n\r\n";
    end_framed_ = true;
  }
}

size_t RequestWriter::Advance(size_t sent) {
  const auto of_body = [&](size_t position) {
    return std::min(position - std::min(position, before_.size()), piece_.size());
  };
  const size_t from = sent_;
  sent_ += sent;
  return of_body(sent_) - of_body(from);
}

bool RequestWriter::pending() const {
  return sent_ < before_.size() + piece_.size() + after_.size() || !queued_.empty() ||
         (framing_ == Framing::kChunked && finished_ && !end_framed_);
}

bool RequestWriter::complete() const { return finished_ && left_ == 0 && !pending(); }

}  // namespace lockstep::agent::quicd::upstream
