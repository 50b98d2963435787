// A DNS host name, parsed once at the door and trusted afterwards.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep {

// A fully qualified host name in its A-label (ASCII, lower-case) form without the final dot:
// "www.example.test", "xn--bcher-kva.example". At most 253 characters, labels of 1-63, at least two
// labels, no wildcard, no IP literal (RFC 1035 §2.3.4, RFC 5890). Empty only when default-made.
class Hostname {
 public:
  Hostname() = default;
  // Accepts Unicode (converted by IDNA 2008) and A-labels; says what is wrong otherwise, quoting
  // the name with control characters shown as escapes.
  static Result<Hostname> Parse(std::string_view text);

  const std::string& ascii() const { return ascii_; }
  // The Unicode form; equals ascii() for a plain name.
  std::string Unicode() const;
  // "bücher.example (xn--bcher-kva.example)", or just the name where both forms are the same.
  std::string Display() const;

  friend bool operator==(const Hostname&, const Hostname&) = default;
  friend auto operator<=>(const Hostname&, const Hostname&) = default;

 private:
  explicit Hostname(std::string ascii) : ascii_(std::move(ascii)) {}
  std::string ascii_;
};

// `text` in double quotes, control and non-ASCII bytes as \xNN, cut after 80 bytes: how foreign
// text is shown in messages.
std::string Quoted(std::string_view text);

}  // namespace lockstep

template <>
struct std::hash<lockstep::Hostname> {
  size_t operator()(const lockstep::Hostname& name) const noexcept {
    return std::hash<std::string>()(name.ascii());
  }
};
