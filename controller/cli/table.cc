#include "controller/cli/table.h"

#include <algorithm>
#include <utility>

#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

constexpr size_t kGap = 2;
// A last column is given this much even beside very wide ones.
constexpr size_t kLeastLastColumn = 20;

void Pad(std::string& line, size_t columns) { line.append(columns, ' '); }

std::string Replaced(std::string text, std::string_view from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// Appends the words of one paragraph.
void WrapLine(std::string_view line, size_t width, std::vector<std::string>& out) {
  std::string current;
  size_t used = 0;
  while (!line.empty()) {
    const size_t space = line.find(' ');
    const std::string_view word = line.substr(0, space);
    line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
    const size_t needed = DisplayWidth(word);
    if (used > 0 && used + 1 + needed > width) {
      out.push_back(std::exchange(current, ""));
      used = 0;
    }
    if (used > 0) {
      current += ' ';
      ++used;
    }
    current += word;
    used += needed;
  }
  out.push_back(std::move(current));
}

}  // namespace

std::vector<std::string> Wrap(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  while (true) {
    const size_t end = text.find('\n');
    WrapLine(text.substr(0, end), width, lines);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

std::string Paint(std::string_view text, Style style) {
  std::string painted(text);
  if (!style.colour) return painted;
  painted = Replaced(std::move(painted), kYes, "\033[32m✓\033[0m");
  return Replaced(std::move(painted), kNo, "\033[1;31m✗\033[0m");
}

void Table::Add(std::vector<std::string> cells) {
  cells.resize(headers_.size());
  for (std::string& cell : cells) {
    cell = Printable(cell);
    if (cell.empty()) cell = "-";
  }
  rows_.push_back(std::move(cells));
}

void Table::Print(std::ostream& out, Style style, std::string_view nothing, size_t indent) const {
  if (rows_.empty()) {
    out << std::string(indent, ' ') << nothing << "\n";
    return;
  }
  const size_t last = headers_.size() - 1;
  std::vector<size_t> widths(headers_.size());
  size_t before_last = indent;
  for (size_t column = 0; column <= last; ++column) {
    widths[column] = DisplayWidth(headers_[column]);
    for (const auto& row : rows_) {
      widths[column] = std::max(widths[column], DisplayWidth(row[column]));
    }
    if (column < last) before_last += widths[column] + kGap;
  }
  const size_t room =
      kMaxColumns > before_last + kLeastLastColumn ? kMaxColumns - before_last : kLeastLastColumn;
  const auto print = [&](const std::vector<std::string>& cells, bool heading) {
    const std::vector<std::string> lines = Wrap(cells[last], room);
    for (size_t i = 0; i < lines.size(); ++i) {
      std::string line(indent, ' ');
      for (size_t column = 0; column < last; ++column) {
        const std::string_view cell = i == 0 ? std::string_view(cells[column]) : "";
        line += cell;
        Pad(line, widths[column] - DisplayWidth(cell) + kGap);
      }
      line += lines[i];
      line.erase(line.find_last_not_of(' ') + 1);
      out << (heading && style.colour ? "\033[2m" + line + "\033[0m" : Paint(line, style)) << "\n";
    }
  };
  print(headers_, true);
  for (const auto& row : rows_) print(row, false);
}

void Page::Add(std::string key, std::string value) {
  value = Printable(value);
  if (!value.empty()) lines_.emplace_back(std::move(key), std::move(value));
}

void Page::Print(std::ostream& out, Style style) const {
  size_t width = 0;
  for (const auto& [key, value] : lines_) width = std::max(width, DisplayWidth(key));
  for (const auto& [key, value] : lines_) {
    const std::vector<std::string> lines = Wrap(value, kMaxColumns - width - kGap);
    for (size_t i = 0; i < lines.size(); ++i) {
      std::string start = i == 0 ? key : "";
      Pad(start, width + kGap - DisplayWidth(start));
      if (style.colour) start = "\033[2m" + start + "\033[0m";
      out << start << Paint(lines[i], style) << "\n";
    }
  }
}

void PrintHeading(std::ostream& out, Style style, std::string_view words) {
  out << "\n"
      << (style.colour ? "\033[1m" : "") << words << (style.colour ? "\033[0m" : "") << "\n";
}

}  // namespace lockstep::controller::cli
