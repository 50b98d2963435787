#include "common/frame/length_prefix.h"

#include "common/crypto/secret.h"

namespace lockstep::frame {
namespace {

constexpr size_t kHeaderBytes = 4;

}  // namespace

std::string Prefixed(std::string_view message) {
  LS_CHECK(message.size() <= kMaxPrefixedBytes);
  std::string frame;
  frame.reserve(kHeaderBytes + message.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame.push_back(static_cast<char>(message.size() >> shift));
  }
  frame.append(message);
  return frame;
}

PrefixedReader::~PrefixedReader() { crypto::Wipe(buffer_); }

void PrefixedReader::Add(std::string_view bytes) {
  if (buffer_.capacity() < buffer_.size() + bytes.size()) {
    // By hand, so that what the old buffer held does not stay behind in freed memory.
    std::string larger;
    larger.reserve(2 * (buffer_.size() + bytes.size()));
    larger.append(buffer_);
    crypto::Wipe(buffer_);
    buffer_ = std::move(larger);
  }
  buffer_.append(bytes);
}

Result<std::optional<std::string>> PrefixedReader::Next() {
  if (buffer_.size() < kHeaderBytes) return std::optional<std::string>();
  size_t size = 0;
  for (size_t i = 0; i < kHeaderBytes; ++i) size = size << 8 | static_cast<uint8_t>(buffer_[i]);
  if (size > max_bytes_) {
    return InvalidArgument("a message has " + std::to_string(size) + " bytes; at most " +
                           std::to_string(max_bytes_));
  }
  if (buffer_.size() < kHeaderBytes + size) return std::optional<std::string>();
  std::string message = buffer_.substr(kHeaderBytes, size);
  std::string rest = buffer_.substr(kHeaderBytes + size);
  crypto::Wipe(buffer_);
  buffer_ = std::move(rest);
  return std::optional<std::string>(std::move(message));
}

}  // namespace lockstep::frame
