#include "controller/cli/words.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <utility>

#include "common/base/hostname.h"

namespace lockstep::controller::cli {
namespace {

bool IsUnset(const google::protobuf::Timestamp& timestamp) {
  return timestamp.seconds() == 0 && timestamp.nanos() == 0;
}

std::string Local(const google::protobuf::Timestamp& timestamp, const char* format) {
  const auto seconds = static_cast<time_t>(timestamp.seconds());
  tm parts{};
  localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const size_t length = std::strftime(text.data(), text.size(), format, &parts);
  return {text.data(), length};
}

// The next code point; malformed bytes come one by one as U+FFFD.
char32_t NextCodePoint(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  size_t length = 1;
  char32_t point = lead;
  if (lead >= 0xf0 && lead < 0xf8) {
    length = 4;
    point = lead & 0x07U;
  } else if (lead >= 0xe0) {
    length = 3;
    point = lead & 0x0fU;
  } else if (lead >= 0xc2) {
    length = 2;
    point = lead & 0x1fU;
  }
  if ((lead >= 0x80 && lead < 0xc2) || lead >= 0xf8 || length > text.size()) {
    text.remove_prefix(1);
    return 0xfffd;
  }
  for (size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0U) != 0x80) {
      text.remove_prefix(1);
      return 0xfffd;
    }
    point = (point << 6U) | (byte & 0x3fU);
  }
  text.remove_prefix(length);
  return point;
}

// East Asian wide and emoji take two columns, combining marks none.
size_t WidthOf(char32_t point) {
  constexpr auto kWide = std::to_array<std::pair<char32_t, char32_t>>({{0x1100, 0x115f},
                                                                       {0x2e80, 0xa4cf},
                                                                       {0xac00, 0xd7a3},
                                                                       {0xf900, 0xfaff},
                                                                       {0xfe30, 0xfe6f},
                                                                       {0xff00, 0xff60},
                                                                       {0xffe0, 0xffe6},
                                                                       {0x1f300, 0x1faff},
                                                                       {0x20000, 0x3fffd}});
  constexpr auto kNothing = std::to_array<std::pair<char32_t, char32_t>>(
      {{0x0300, 0x036f}, {0x200b, 0x200f}, {0xfe00, 0xfe0f}});
  for (const auto& [first, last] : kNothing) {
    if (point >= first && point <= last) return 0;
  }
  for (const auto& [first, last] : kWide) {
    if (point >= first && point <= last) return 2;
  }
  return 1;
}

}  // namespace

WallTime ToTime(const google::protobuf::Timestamp& timestamp) {
  return FromUnixMicros(timestamp.seconds() * 1'000'000 + timestamp.nanos() / 1000);
}

Micros ToMicros(const google::protobuf::Duration& duration) {
  return Micros(duration.seconds() * 1'000'000 + duration.nanos() / 1000);
}

std::string DateTime(const google::protobuf::Timestamp& timestamp) {
  return IsUnset(timestamp) ? "-" : Local(timestamp, "%Y-%m-%d %H:%M:%S");
}

std::string TimeOfDay(const google::protobuf::Timestamp& timestamp) {
  if (IsUnset(timestamp)) return "-";
  std::string millis = std::to_string(timestamp.nanos() / 1'000'000);
  millis.insert(0, 3 - millis.size(), '0');
  return Local(timestamp, "%H:%M:%S.") + millis;
}

std::string Since(const google::protobuf::Timestamp& timestamp, WallTime now) {
  const auto seconds = std::chrono::duration_cast<Seconds>(now - ToTime(timestamp)).count();
  if (seconds < 60) return std::to_string(std::max<int64_t>(0, seconds)) + " s";
  return FormatDuration(Seconds(seconds));
}

std::string Count(uint64_t number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string Relative(const google::protobuf::Timestamp& timestamp, WallTime now) {
  if (IsUnset(timestamp)) return "-";
  const WallTime time = ToTime(timestamp);
  return time > now ? "in " + FormatDuration(time - now) : FormatDuration(now - time) + " ago";
}

std::string HostName(const std::string& a_label) {
  const Result<Hostname> host = Hostname::Parse(a_label);
  return host.ok() ? host->Display() : Printable(a_label);
}

std::string HostNames(const google::protobuf::RepeatedPtrField<std::string>& a_labels) {
  std::string text;
  for (const std::string& host : a_labels) text += (text.empty() ? "" : ", ") + HostName(host);
  return text;
}

std::string FirstOf(const google::protobuf::RepeatedPtrField<std::string>& a_labels) {
  if (a_labels.empty()) return "-";
  const std::string first = HostName(a_labels[0]);
  return a_labels.size() == 1 ? first : first + " +" + std::to_string(a_labels.size() - 1);
}

std::string Join(const google::protobuf::RepeatedPtrField<std::string>& words,
                 std::string_view separator) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

std::string Printable(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
    } else {
      out += c;
    }
  }
  return out;
}

bool IsUtf8(std::string_view text) {
  // The lowest code point that needs as many bytes: a shorter one is written too long.
  static constexpr std::array<uint32_t, 5> kLowest = {0, 0, 0x80, 0x800, 0x10000};
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const size_t length = first < 0x80          ? 1
                          : (first >> 5U) == 6  ? 2
                          : (first >> 4U) == 14 ? 3
                          : (first >> 3U) == 30 ? 4
                                                : 0;
    if (length == 0 || length > text.size()) return false;
    uint32_t code = length == 1 ? first : first & (0x7fU >> length);
    for (size_t i = 1; i < length; ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if ((byte & 0xc0U) != 0x80) return false;
      code = code << 6U | (byte & 0x3fU);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < kLowest[length] || code > 0x10ffff || surrogate) return false;
    text.remove_prefix(length);
  }
  return true;
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) width += WidthOf(NextCodePoint(text));
  return width;
}

}  // namespace lockstep::controller::cli
