#include "common/base/encoding.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace lockstep {
namespace {

// Vectors of RFC 4648 §10, without the padding.
TEST(Base64UrlTest, MatchesTheVectorsOfTheRfc) {
  const std::pair<std::string, std::string> kVectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(Base64UrlEncode(bytes), text);
    EXPECT_EQ(*Base64UrlDecode(text), bytes);
  }
}

TEST(Base64UrlTest, RefusesPaddingTheOtherAlphabetAndWhitespace) {
  const Status charset =
      InvalidArgument("base64url text holds a character outside A-Z a-z 0-9 - _");
  EXPECT_EQ(Base64UrlDecode("Zg==").status(), charset);
  EXPECT_EQ(Base64UrlDecode("-+8a").status(), charset);
  EXPECT_EQ(Base64UrlDecode("-/8").status(), charset);
  EXPECT_EQ(Base64UrlDecode("Zm9\n").status(), charset);
  EXPECT_EQ(Base64UrlDecode(std::string_view("Zm9\0", 4)).status(), charset);
}

TEST(Base64UrlTest, RefusesTextsThatNoBytesEncodeTo) {
  EXPECT_EQ(Base64UrlDecode("Zm9vY").status(),
            InvalidArgument("base64url text has an impossible length"));
  EXPECT_EQ(Base64UrlDecode("Zh").status(), InvalidArgument("base64url text is not canonical"));
}

RC_GTEST_PROP(Base64UrlProperty, RoundTrips, (const std::string& bytes)) {
  RC_ASSERT(*Base64UrlDecode(Base64UrlEncode(bytes)) == bytes);
}

RC_GTEST_PROP(Base64UrlProperty, OneTextPerValue, ()) {
  const auto character = rc::gen::elementOf(
      std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"));
  const auto text = *rc::gen::container<std::string>(character);
  const Result<std::string> bytes = Base64UrlDecode(text);
  if (bytes.ok()) RC_ASSERT(Base64UrlEncode(*bytes) == text);
}

TEST(HexTest, WritesLowerCaseAndReadsBoth) {
  EXPECT_EQ(HexEncode(std::string_view("\x00\x9f\xff", 3)), "009fff");
  EXPECT_EQ(*HexDecode("009fFF"), std::string("\x00\x9f\xff", 3));
  EXPECT_EQ(*HexDecode(""), "");
}

TEST(HexTest, RefusesOddLengthsAndOtherCharacters) {
  EXPECT_EQ(HexDecode("abc").status(), InvalidArgument("hex text has an odd length"));
  EXPECT_EQ(HexDecode("0g").status(),
            InvalidArgument("hex text holds a character that is no digit"));
  EXPECT_FALSE(HexDecode("0x").ok());
  EXPECT_FALSE(HexDecode(" a").ok());
}

RC_GTEST_PROP(HexProperty, RoundTrips, (const std::string& bytes)) {
  RC_ASSERT(*HexDecode(HexEncode(bytes)) == bytes);
}

TEST(RandomBytesTest, GivesAsManyAsAskedAndNeverTheSame) {
  EXPECT_EQ(RandomBytes(0), "");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(RandomBytes(16));
  EXPECT_EQ(seen.size(), 100U);
  EXPECT_EQ(seen.begin()->size(), 16U);
}

TEST(ConstantTimeEqualTest, ComparesLikeEquality) {
  EXPECT_TRUE(ConstantTimeEqual("", ""));
  EXPECT_TRUE(ConstantTimeEqual("secret", "secret"));
  EXPECT_FALSE(ConstantTimeEqual("secret", "secreT"));
  EXPECT_FALSE(ConstantTimeEqual("secret", "secret "));
  EXPECT_FALSE(ConstantTimeEqual("secret", ""));
}

}  // namespace
}  // namespace lockstep
