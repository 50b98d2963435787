#include "controller/cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

#include "controller/cli/words.h"

namespace lockstep::controller::cli {
namespace {

std::string Render(const Table& table, Style style = {}) {
  std::ostringstream out;
  table.Print(out, style, "nothing");
  return out.str();
}

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({"A", "LONGER", "C"});
  table.Add({"wide cell", "x", "1"});
  table.Add({"y", "", "2"});
  EXPECT_EQ(Render(table),
            "A          LONGER  C\n"
            "wide cell  x       1\n"
            "y          -       2\n");
}

TEST(TableTest, WidthIsWhatATerminalShows) {
  EXPECT_EQ(DisplayWidth("✓ bücher"), 8U);
  EXPECT_EQ(DisplayWidth("例え.jp"), 7U);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1U);  // e and a combining acute
  EXPECT_EQ(DisplayWidth("a\xff\xc3"), 3U);  // malformed bytes are one column each
  Table table({"NAME", "X"});
  table.Add({"例え", "1"});
  table.Add({"abcd", "2"});
  EXPECT_EQ(Render(table), "NAME  X\n例え  1\nabcd  2\n");
}

TEST(TableTest, TheLastColumnWraps) {
  Table table({"N", "TEXT"});
  std::string words;
  for (int i = 0; i < 40; ++i) words += "word" + std::to_string(i) + " ";
  table.Add({"1", words});
  std::istringstream lines(Render(table));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_LE(DisplayWidth(line), kMaxColumns);
    if (count > 1) {
      EXPECT_EQ(line.substr(0, 3), "   ");
    }
  }
  EXPECT_GE(count, 4);
}

TEST(TableTest, ControlCharactersAreShownNotObeyed) {
  Table table({"A"});
  table.Add({"\x1b[31mred\r"});
  EXPECT_EQ(Render(table), "A\n\\x1b[31mred\\x0d\n");
}

TEST(TableTest, AnEmptyTableSaysSo) { EXPECT_EQ(Render(Table({"A"})), "nothing\n"); }

TEST(TableTest, MarksAreColouredOnlyWhenAsked) {
  EXPECT_EQ(Paint("✓ yes ✗ no", {}), "✓ yes ✗ no");
  EXPECT_EQ(Paint("✓ yes", {.colour = true}), "\033[32m✓\033[0m yes");
}

TEST(WrapTest, KeepsParagraphsAndLongWords) {
  EXPECT_EQ(Wrap("a b\nc", 10), (std::vector<std::string>{"a b", "c"}));
  EXPECT_EQ(Wrap("aa bb cc", 5), (std::vector<std::string>{"aa bb", "cc"}));
  EXPECT_EQ(Wrap("abcdefghij k", 4), (std::vector<std::string>{"abcdefghij", "k"}));
}

}  // namespace
}  // namespace lockstep::controller::cli
