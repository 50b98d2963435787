#include "common/base/hostname.h"

#include <arpa/inet.h>
#include <idn2.h>

#include <algorithm>
#include <cstdio>

namespace lockstep {
namespace {

bool IsIpLiteral(const std::string& text) {
  in6_addr scratch{};
  return inet_pton(AF_INET, text.c_str(), &scratch) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &scratch) == 1;
}

// A last label that resolvers read as part of an IPv4 address: "1" or "0x7f" (inet_aton takes
// "127.0x1" for an address; no top-level domain looks so).
bool IsNumber(std::string_view label) {
  const bool hex = label.starts_with("0x");
  if (hex) label.remove_prefix(2);
  return std::all_of(label.begin(), label.end(), [hex](char c) {
    return (c >= '0' && c <= '9') || (hex && c >= 'a' && c <= 'f');
  });
}

Status CheckLabel(std::string_view label, const std::string& shown) {
  if (label.empty()) return InvalidArgument("host name " + shown + " has an empty label");
  if (label.size() > 63) {
    return InvalidArgument("host name " + shown + " has a label of more than 63 characters");
  }
  if (label.front() == '-' || label.back() == '-') {
    return InvalidArgument("host name " + shown + " has a label that starts or ends with '-'");
  }
  for (const char c : label) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-') continue;
    return InvalidArgument("host name " + shown +
                           " holds a character other than letters, digits, '-' and '.'");
  }
  return Status::Ok();
}

Status CheckAscii(const std::string& ascii, const std::string& shown) {
  if (ascii.size() > 253) {
    return InvalidArgument("host name " + shown + " is longer than 253 characters");
  }
  size_t labels = 0;
  std::string_view last;
  for (size_t start = 0; start <= ascii.size();) {
    const size_t dot = std::min(ascii.find('.', start), ascii.size());
    last = std::string_view(ascii).substr(start, dot - start);
    LS_RETURN_IF_ERROR(CheckLabel(last, shown));
    ++labels;
    start = dot + 1;
  }
  if (labels < 2) {
    return InvalidArgument("host name " + shown +
                           " has a single label; a public name has two or more");
  }
  if (IsNumber(last)) {
    return InvalidArgument("host name " + shown + " ends in a numeric label");
  }
  return Status::Ok();
}

}  // namespace

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 80)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  out += text.size() > 80 ? "\"..." : "\"";
  return out;
}

Result<Hostname> Hostname::Parse(std::string_view text) {
  const std::string shown = Quoted(text);
  if (text.empty()) return InvalidArgument("host name is empty");
  if (text.size() > 1024)
    return InvalidArgument("host name " + shown + " is longer than 253 characters");
  if (text.find('\0') != std::string_view::npos) {
    return InvalidArgument("host name " + shown + " holds a NUL character");
  }
  if (text.find('*') != std::string_view::npos) {
    return InvalidArgument("host name " + shown +
                           " is a wildcard; HTTP-01 cannot prove wildcards, list each name");
  }
  std::string input(text);
  if (IsIpLiteral(input)) {
    return InvalidArgument("host name " + shown + " is an IP address; give a DNS name");
  }
  if (input.back() == '.') input.pop_back();

  const bool plain = std::all_of(input.begin(), input.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  std::string ascii;
  if (plain) {
    ascii = input;
    std::transform(ascii.begin(), ascii.end(), ascii.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    LS_RETURN_IF_ERROR(CheckAscii(ascii, shown));
    if (ascii.find("xn--") == std::string::npos) return Hostname(std::move(ascii));
    input = ascii;
  }
  char* converted = nullptr;
  const int rc = idn2_to_ascii_8z(input.c_str(), &converted, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  if (rc != IDN2_OK) {
    return InvalidArgument("host name " + shown +
                           " is no valid internationalised name: " + idn2_strerror(rc));
  }
  ascii = converted;
  idn2_free(converted);
  LS_RETURN_IF_ERROR(CheckAscii(ascii, shown));
  return Hostname(std::move(ascii));
}

std::string Hostname::Unicode() const {
  char* converted = nullptr;
  if (idn2_to_unicode_8z8z(ascii_.c_str(), &converted, 0) != IDN2_OK) return ascii_;
  std::string out = converted;
  idn2_free(converted);
  return out;
}

std::string Hostname::Display() const {
  const std::string unicode = Unicode();
  return unicode == ascii_ ? ascii_ : unicode + " (" + ascii_ + ")";
}

}  // namespace lockstep
