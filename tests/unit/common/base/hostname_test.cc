#include "common/base/hostname.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <unordered_set>

namespace lockstep {
namespace {

std::string Repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// The message for a name that must be refused.
std::string Refusal(std::string_view text) {
  const Result<Hostname> parsed = Hostname::Parse(text);
  if (parsed.ok()) return "accepted as " + parsed->ascii();
  EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
  return parsed.status().message();
}

TEST(HostnameTest, KeepsAPlainNameAndLowersItsCase) {
  EXPECT_EQ(Hostname::Parse("www.example.test")->ascii(), "www.example.test");
  EXPECT_EQ(Hostname::Parse("WWW.Example.TEST")->ascii(), "www.example.test");
  EXPECT_EQ(Hostname::Parse("a-1.b2.c3d")->ascii(), "a-1.b2.c3d");
}

TEST(HostnameTest, DropsTheFinalDot) {
  EXPECT_EQ(Hostname::Parse("www.example.test.")->ascii(), "www.example.test");
}

TEST(HostnameTest, ShowsAnInternationalisedNameInBothForms) {
  const Hostname name = *Hostname::Parse("bücher.example");
  EXPECT_EQ(name.ascii(), "xn--bcher-kva.example");
  EXPECT_EQ(name.Unicode(), "bücher.example");
  EXPECT_EQ(name.Display(), "bücher.example (xn--bcher-kva.example)");
  EXPECT_EQ(Hostname::Parse("www.example.test")->Display(), "www.example.test");
}

TEST(HostnameTest, BothFormsAndAllSpellingsOfANameAreOneName) {
  const Hostname name = *Hostname::Parse("bücher.example");
  EXPECT_EQ(*Hostname::Parse("xn--bcher-kva.example"), name);
  EXPECT_EQ(*Hostname::Parse("XN--BCHER-KVA.example"), name);
  EXPECT_EQ(*Hostname::Parse("BÜCHER.Example"), name);
  EXPECT_EQ(*Hostname::Parse("bu\xcc\x88"
                             "cher.example"),
            name)
      << "u and a combining diaeresis";
  EXPECT_EQ(*Hostname::Parse("bücher\xe3\x80\x82"
                             "example"),
            name)
      << "ideographic full stop";
}

TEST(HostnameTest, KeepsTheSharpSAsIdna2008Does) {
  EXPECT_EQ(Hostname::Parse("straße.example")->ascii(), "xn--strae-oqa.example");
}

TEST(HostnameTest, RefusesAnEmptyName) { EXPECT_EQ(Refusal(""), "host name is empty"); }

TEST(HostnameTest, RefusesAWildcardAndSaysWhy) {
  EXPECT_EQ(Refusal("*.example.test"),
            "host name \"*.example.test\" is a wildcard; HTTP-01 cannot prove wildcards, list each "
            "name");
}

TEST(HostnameTest, RefusesIpAddresses) {
  EXPECT_EQ(Refusal("203.0.113.10"),
            "host name \"203.0.113.10\" is an IP address; give a DNS name");
  EXPECT_EQ(Refusal("2001:db8::1"), "host name \"2001:db8::1\" is an IP address; give a DNS name");
}

TEST(HostnameTest, RefusesWhatAResolverWouldReadAsAnIpAddress) {
  EXPECT_EQ(Refusal("203.0.113.10."), "host name \"203.0.113.10.\" ends in a numeric label");
  EXPECT_EQ(Refusal("127.1"), "host name \"127.1\" ends in a numeric label");
  EXPECT_EQ(Refusal("127.0x1"), "host name \"127.0x1\" ends in a numeric label");
  EXPECT_EQ(Refusal("0x7f.0.0.0X1"), "host name \"0x7f.0.0.0X1\" ends in a numeric label");
  EXPECT_TRUE(Hostname::Parse("0x7f.example.x0").ok()) << "only the last label counts";
}

TEST(HostnameTest, RefusesASingleLabel) {
  EXPECT_EQ(Refusal("localhost"),
            "host name \"localhost\" has a single label; a public name has two or more");
}

TEST(HostnameTest, RefusesEmptyLabels) {
  EXPECT_EQ(Refusal("a..b"), "host name \"a..b\" has an empty label");
  EXPECT_EQ(Refusal(".a.b"), "host name \".a.b\" has an empty label");
  EXPECT_EQ(Refusal("."), "host name \".\" has an empty label");
  EXPECT_EQ(Refusal("a.b.."), "host name \"a.b..\" has an empty label");
}

TEST(HostnameTest, TakesTheLongestLabelAndRefusesALongerOne) {
  EXPECT_TRUE(Hostname::Parse(Repeat("a", 63) + ".test").ok());
  const std::string longer = Repeat("a", 64) + ".test";
  EXPECT_EQ(Refusal(longer), "host name \"" + longer + "\" has a label of more than 63 characters");
}

TEST(HostnameTest, TakesTheLongestNameAndRefusesALongerOne) {
  const std::string longest = Repeat("abcdefghi.", 25) + "abc";
  ASSERT_EQ(longest.size(), 253U);
  EXPECT_TRUE(Hostname::Parse(longest).ok());
  EXPECT_TRUE(Hostname::Parse(longest + ".").ok());
  const std::string cut = Quoted(longest + "d");
  EXPECT_EQ(Refusal(longest + "d"), "host name " + cut + " is longer than 253 characters");
  EXPECT_EQ(Refusal(Repeat("abcdefghi.", 1000) + "test"),
            "host name " + cut + " is longer than 253 characters");
}

TEST(HostnameTest, RefusesALabelThatStartsOrEndsWithAHyphen) {
  const std::string why = " has a label that starts or ends with '-'";
  EXPECT_EQ(Refusal("-a.test"), "host name \"-a.test\"" + why);
  EXPECT_EQ(Refusal("a-.test"), "host name \"a-.test\"" + why);
  EXPECT_EQ(Refusal("--force.test"), "host name \"--force.test\"" + why);
}

TEST(HostnameTest, RefusesOtherCharactersAndShowsControlsEscaped) {
  const std::string why = " holds a character other than letters, digits, '-' and '.'";
  EXPECT_EQ(Refusal("a_b.test"), "host name \"a_b.test\"" + why);
  EXPECT_EQ(Refusal("a b.test"), "host name \"a b.test\"" + why);
  EXPECT_EQ(Refusal("../etc/passwd"), "host name \"../etc/passwd\" has an empty label");
  EXPECT_EQ(Refusal("a/b.test"), "host name \"a/b.test\"" + why);
  EXPECT_EQ(Refusal("a.test\nX-Evil: 1"), "host name \"a.test\\x0aX-Evil: 1\"" + why);
  EXPECT_EQ(Refusal("a.test:80"), "host name \"a.test:80\"" + why);
}

TEST(HostnameTest, RefusesANulCharacter) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(Refusal("a.test\0.evil"sv), "host name \"a.test\\x00.evil\" holds a NUL character");
}

TEST(HostnameTest, RefusesBytesThatAreNoUtf8AndALabelsThatDecodeToNothing) {
  EXPECT_EQ(Refusal("b\xff"
                    "cher.example"),
            "host name \"b\\xffcher.example\" is no valid internationalised name: string encoding "
            "error");
  EXPECT_NE(Refusal("xn--99999999999.example").find("is no valid internationalised name"),
            std::string::npos);
}

TEST(HostnameTest, RefusesAFullwidthWildcardToo) {
  EXPECT_NE(Refusal("\xef\xbc\x8a.example.test").find("host name"), std::string::npos);
  EXPECT_FALSE(Hostname::Parse("\xef\xbc\x8a.example.test").ok());
}

TEST(HostnameTest, HashesAsItCompares) {
  const std::unordered_set<Hostname> names = {
      *Hostname::Parse("a.test"), *Hostname::Parse("A.test"), *Hostname::Parse("b.test")};
  EXPECT_EQ(names.size(), 2U);
}

RC_GTEST_PROP(HostnameProperty, NoInputCrashesAndWhatIsAcceptedParsesToItself, (std::string text)) {
  const Result<Hostname> parsed = Hostname::Parse(text);
  if (!parsed.ok()) return;
  const Result<Hostname> again = Hostname::Parse(parsed->ascii());
  RC_ASSERT(again.ok());
  RC_ASSERT(*again == *parsed);
}

RC_GTEST_PROP(HostnameProperty, NamesOfGoodLabelsAreAccepted, ()) {
  const auto label = rc::gen::mapcat(rc::gen::inRange(1, 20), [](int size) {
    return rc::gen::container<std::string>(static_cast<size_t>(size), rc::gen::inRange('a', 'z'));
  });
  const auto labels =
      *rc::gen::resize(8, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(label)));
  std::string text;
  for (const std::string& part : labels) text += part + ".";
  text += "test";
  RC_PRE(text.size() <= 253U);
  RC_ASSERT(Hostname::Parse(text).ok());
  RC_ASSERT(Hostname::Parse(text)->ascii() == text);
}

TEST(QuotedTest, EscapesWhatATerminalOrALogWouldMistake) {
  EXPECT_EQ(Quoted("plain"), "\"plain\"");
  EXPECT_EQ(Quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(Quoted("\x1b[31m\n\t\x7f"), "\"\\x1b[31m\\x0a\\x09\\x7f\"");
  EXPECT_EQ(Quoted("ü"), "\"\\xc3\\xbc\"");
}

TEST(QuotedTest, CutsAfterEightyBytesAndSaysSo) {
  EXPECT_EQ(Quoted(Repeat("a", 80)), "\"" + Repeat("a", 80) + "\"");
  EXPECT_EQ(Quoted(Repeat("a", 81)), "\"" + Repeat("a", 80) + "\"...");
}

}  // namespace
}  // namespace lockstep
