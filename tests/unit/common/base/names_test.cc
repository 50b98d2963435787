#include "common/base/names.h"

#include <gtest/gtest.h>

#include <set>
#include <unordered_set>

namespace lockstep {
namespace {

TEST(NodeNameTest, TakesLabelsThatWorkInDnsFilesAndArgv) {
  for (const char* text : {"fra1", "a", "9", "ams-1-b"}) {
    const Result<NodeName> name = NodeName::Parse(text);
    ASSERT_TRUE(name.ok()) << name.status();
    EXPECT_EQ(name->str(), text);
  }
  EXPECT_TRUE(NodeName::Parse(std::string(63, 'a')).ok());
}

TEST(NodeNameTest, RefusesTheRestAndSaysWhatItMustBe) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view text :
       {""sv, "Fra1"sv, "-f"sv, "f-"sv, "f.r"sv, "f_r"sv, "../x"sv, "f r"sv, "f\0r"sv, "f\n"sv}) {
    EXPECT_EQ(NodeName::Parse(text).status().code(), Code::kInvalidArgument) << text;
  }
  EXPECT_FALSE(NodeName::Parse(std::string(64, 'a')).ok());
  EXPECT_EQ(NodeName::Parse("-rf").status().message(),
            "node name \"-rf\" must be 1-63 of a-z, 0-9 and '-', not starting or ending with '-'");
  EXPECT_EQ(PopName::Parse("Fra").status().message(),
            "pop \"Fra\" must be 1-63 of a-z, 0-9 and '-', not starting or ending with '-'");
}

TEST(NameTest, ComparesSortsAndHashesByText) {
  const NodeName a = *NodeName::Parse("ams1");
  const NodeName f = *NodeName::Parse("fra1");
  EXPECT_LT(a, f);
  EXPECT_EQ(a, *NodeName::Parse("ams1"));
  EXPECT_EQ((std::unordered_set<NodeName>{a, f, a}).size(), 2U);
  EXPECT_TRUE(NodeName().empty());
}

TEST(OrderIdTest, NewOnesAreWellFormedAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const OrderId id = NewOrderId();
    EXPECT_TRUE(OrderId::Parse(id.str()).ok()) << id.str();
    seen.insert(id.str());
  }
  EXPECT_EQ(seen.size(), 100U);
}

TEST(OrderIdTest, RefusesOtherShapes) {
  for (const char* text : {"", "o-", "o-0123456789abcde", "o-0123456789abcdef0",
                           "o-0123456789ABCDEF", "x-0123456789abcdef", "0123456789abcdef00"}) {
    EXPECT_EQ(OrderId::Parse(text).status().message(),
              "order id \"" + std::string(text) + "\" must be 'o-' and 16 hex digits");
  }
}

TEST(ChallengeTokenTest, IsBase64UrlOfSixteenTo128Characters) {
  EXPECT_TRUE(ChallengeToken::Parse("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0").ok());
  EXPECT_TRUE(ChallengeToken::Parse(std::string(16, '_')).ok());
  EXPECT_TRUE(ChallengeToken::Parse(std::string(128, '-')).ok());
  EXPECT_FALSE(ChallengeToken::Parse(std::string(15, 'a')).ok());
  EXPECT_FALSE(ChallengeToken::Parse(std::string(129, 'a')).ok());
}

TEST(ChallengeTokenTest, NeverHoldsWhatAPathOrAPageCouldMistake) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view text :
       {"../../../../etc/passwd"sv, "aaaaaaaaaaaaaaaa/b"sv, "aaaaaaaaaaaaaaaa.b"sv,
        "aaaaaaaaaaaaaaaa\0b"sv, "<script>alert(1)</script>"sv, "aaaaaaaaaaaaaaaa%2e"sv,
        "aaaaaaaaaaaaaaaa\n"sv}) {
    EXPECT_FALSE(ChallengeToken::Parse(text).ok()) << text;
  }
  EXPECT_EQ(ChallengeToken::Parse("short").status().message(),
            "challenge token \"short\" must be 16-128 of A-Z, a-z, 0-9, '-' and '_'");
}

}  // namespace
}  // namespace lockstep
