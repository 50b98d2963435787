// Tables and key-value pages for a terminal, at most 110 columns wide.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep::controller::cli {

inline constexpr size_t kMaxColumns = 110;

// Marks (✓ ✗) and state words get a colour if `colour` is set; text is the same without.
struct Style {
  bool colour = false;
};

// Columns as wide as they must be; the last takes what is left and wraps. An empty table prints
// `nothing`.
class Table {
 public:
  explicit Table(std::vector<std::string> headers) : headers_(std::move(headers)) {}
  // As many cells as headers. Control characters are escaped.
  void Add(std::vector<std::string> cells);
  size_t size() const { return rows_.size(); }
  void Print(std::ostream& out, Style style, std::string_view nothing = "none",
             size_t indent = 0) const;

 private:
  std::vector<std::string> headers_;
  std::vector<std::vector<std::string>> rows_;
};

// "name        www.example.test", aligned; empty values are left out.
class Page {
 public:
  void Add(std::string key, std::string value);
  void Print(std::ostream& out, Style style) const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

// A heading above a table: an empty line, then the words in capitals.
void PrintHeading(std::ostream& out, Style style, std::string_view words);

// `text` cut into lines of at most `width` columns, at spaces where there are any.
std::vector<std::string> Wrap(std::string_view text, size_t width);

// `text` with its marks coloured, if so.
std::string Paint(std::string_view text, Style style);

}  // namespace lockstep::controller::cli
