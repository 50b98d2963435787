#include "common/dns/rdata.h"

namespace lockstep::dns {
namespace {

constexpr size_t kMaxNameBytes = 255;  // RFC 1035 §2.3.4, with lengths and root
constexpr uint8_t kMaxLabelBytes = 63;

void AppendLabel(std::string_view label, std::string* out) {
  for (const char c : label) {
    if (c >= 'A' && c <= 'Z') {
      *out += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') {
      *out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      *out += '\\';
      *out += static_cast<char>('0' + byte / 100);
      *out += static_cast<char>('0' + byte / 10 % 10);
      *out += static_cast<char>('0' + byte % 10);
    }
  }
}

}  // namespace

std::optional<uint8_t> RdataReader::TakeUint8() {
  if (rest_.empty()) return std::nullopt;
  const auto value = static_cast<uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return value;
}

std::optional<uint16_t> RdataReader::TakeUint16() {
  if (rest_.size() < 2) return std::nullopt;
  const auto high = static_cast<uint8_t>(rest_[0]);
  const auto low = static_cast<uint8_t>(rest_[1]);
  rest_.remove_prefix(2);
  return static_cast<uint16_t>(high << 8 | low);
}

std::optional<std::string_view> RdataReader::TakeBytes(size_t count) {
  if (rest_.size() < count) return std::nullopt;
  const std::string_view bytes = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return bytes;
}

std::optional<std::string> RdataReader::TakeName() {
  const std::string_view before = rest_;
  std::string out;
  while (before.size() - rest_.size() < kMaxNameBytes) {
    const std::optional<uint8_t> length = TakeUint8();
    if (length == 0) return out.empty() ? "." : out;
    const auto label = length && *length <= kMaxLabelBytes ? TakeBytes(*length) : std::nullopt;
    if (!label) break;
    if (!out.empty()) out += '.';
    AppendLabel(*label, &out);
  }
  rest_ = before;
  return std::nullopt;
}

}  // namespace lockstep::dns
