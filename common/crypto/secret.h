// Text that must not be printed and is wiped when it goes.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>

namespace lockstep::crypto {

// Overwrites the bytes, also those of a short string inside the object.
void Wipe(std::string& text);

// Move-only, without implicit conversions: reading it takes a visible Reveal(). Streams as
// "[secret]". Wiped on destruction, assignment and move.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string&& text);  // wipes the argument
  static Secret CopyOf(std::string_view text) { return Secret(std::string(text)); }
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { Wipe(text_); }

  std::string_view Reveal() const { return text_; }
  Secret Clone() const { return CopyOf(text_); }
  bool empty() const { return text_.empty(); }
  size_t size() const { return text_.size(); }

  // In a time that depends on the lengths alone.
  friend bool operator==(const Secret& a, const Secret& b);
  friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "[secret]"; }

 private:
  std::string text_;
};

}  // namespace lockstep::crypto
