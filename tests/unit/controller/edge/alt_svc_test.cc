#include "controller/edge/alt_svc.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lockstep::controller::edge {
namespace {

std::string ErrorOf(std::string_view value) { return ParseAltSvc(value).status().message(); }

TEST(AltSvcTest, WritesTheWholeValue) {
  EXPECT_EQ(RenderAltSvc(Promise({SameHostHttp3()}, Seconds(300), false)), R"(h3=":443"; ma=300)");
  EXPECT_EQ(
      RenderAltSvc(Promise({SameHostHttp3(), {"h2", "alt.example.test", 8443}}, Seconds(60), true)),
      R"(h3=":443"; ma=60; persist=1, h2="alt.example.test:8443"; ma=60; persist=1)");
  EXPECT_EQ(RenderAltSvc({.clear = true, .entries = {}}), "clear");
  EXPECT_EQ(RenderAltSvc({}), "");
}

TEST(AltSvcTest, ReadsWhatServersReallySend) {
  const auto caddy = ParseAltSvc(R"(h3=":443"; ma=2592000,h3-29=":443"; ma=2592000)");
  ASSERT_TRUE(caddy.ok()) << caddy.status();
  ASSERT_EQ(caddy->entries.size(), 2u);
  EXPECT_EQ(caddy->entries[1].alternative.protocol, "h3-29");
  EXPECT_EQ(caddy->entries[1].max_age, Seconds(2592000));

  const auto google = ParseAltSvc(R"(h3=":443"; ma=2592000; v="46,43";persist=1)");
  ASSERT_TRUE(google.ok()) << google.status();
  EXPECT_TRUE(google->entries[0].persist);
}

TEST(AltSvcTest, AClientTakesADayWhereNoAgeIsGiven) {
  EXPECT_EQ(ParseAltSvc(R"(h3=":443")")->entries[0].max_age, Seconds(86400));
  EXPECT_FALSE(ParseAltSvc(R"(h3=":443"; persist=2)")->entries[0].persist);
  // More than a client can count: as long as it can.
  EXPECT_EQ(ParseAltSvc(R"(h3=":443"; ma=99999999999999999999999)")->entries[0].max_age,
            Seconds(int64_t{1} << 31));
}

TEST(AltSvcTest, ReadsHostsAndProtocolIds) {
  const auto parsed = ParseAltSvc(R"(w%3D%3Ax="ALT.example.test:8443", h3="[2001:db8::1]:443")");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->entries[0].alternative, (Alternative{"w=:x", "alt.example.test", 8443}));
  EXPECT_EQ(parsed->entries[1].alternative.host, "[2001:db8::1]");
  EXPECT_EQ(ToString(parsed->entries[0].alternative), R"(w%3D%3Ax="alt.example.test:8443")");
}

TEST(AltSvcTest, ReadsClearAlsoWhereItMustNotStand) {
  EXPECT_TRUE(ParseAltSvc("clear")->clear);
  const auto both = ParseAltSvc(R"(h3=":443", clear)");
  ASSERT_TRUE(both.ok());
  EXPECT_TRUE(both->clear);
  EXPECT_EQ(both->entries.size(), 1u);
  EXPECT_FALSE(ParseAltSvc("Clear").ok());  // case matters (§3)
  EXPECT_FALSE(ParseAltSvc("clear, clear").ok());
}

TEST(AltSvcTest, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(ErrorOf(""), "byte 0: a protocol or \"clear\" is expected");
  EXPECT_EQ(ErrorOf("h3"), "byte 2: \"=\" is expected after a protocol");
  EXPECT_EQ(ErrorOf("h3=:443"), "byte 3: an authority in double quotes is expected");
  EXPECT_EQ(ErrorOf(R"(h3="443")"), "byte 8: authority without a port");
  EXPECT_EQ(ErrorOf(R"(h3=":0")"), "byte 7: the port is not one of 1 to 65535");
  EXPECT_EQ(ErrorOf(R"(h3=":443"; ma=5; ma=6)"), "byte 21: parameter ma stands twice");
  EXPECT_EQ(ErrorOf(R"(h3=":443" h2=":443")"), "byte 10: a comma or the end is expected");
}

TEST(AltSvcTest, RefusesWhatNoServerMaySend) {
  for (const char* value :
       {R"(h3=":443",)", R"(,h3=":443")", R"(h3=":443"; ma=-1)", R"(h3=":443"; ma)", R"(h3=":443)",
        R"(h3=":65536")", R"(h3="user@host:443")", R"(h3="a..b:443")", R"(h3="[::1:443")",
        R"(%68%33=":443")", R"(h3%2d=":443")", R"(h3%2=":443")", R"(=":443")", R"(h3=":+443")",
        "h3=\":443\"; ma=3\n00", "h3=\"\x01:443\""}) {
    EXPECT_FALSE(ParseAltSvc(value).ok()) << value;
  }
  EXPECT_FALSE(ParseAltSvc(std::string(8193, 'a')).ok());
}

TEST(AltSvcTest, PersistsOnlyWhereTheClientFindsTheSameEverywhere) {
  const OriginFacts anycast{.anycast = true, .sole_operator = true};
  EXPECT_EQ(WhyNotPersistent(SameHostHttp3(), anycast), "");
  EXPECT_NE(WhyNotPersistent({"h3", "ams1.example.test", 443}, anycast), "");
  EXPECT_NE(WhyNotPersistent(SameHostHttp3(), {.anycast = false, .sole_operator = true}), "");
  EXPECT_NE(WhyNotPersistent(SameHostHttp3(), {.anycast = true, .sole_operator = false}), "");
}

// What is written is read as it was meant, whatever the protocol ids hold.
RC_GTEST_PROP(AltSvcProperty, IsReadAsItWasWritten, ()) {
  AltSvc meant;
  const int count = *rc::gen::inRange(1, 5);
  for (int i = 0; i < count; ++i) {
    AltSvcEntry entry;
    const auto id = *rc::gen::resize(20, rc::gen::nonEmpty(rc::gen::arbitrary<std::string>()));
    entry.alternative.protocol = id;
    entry.alternative.host =
        *rc::gen::element<std::string>("", "a.example", "[::1]", "x-y.example.test");
    entry.alternative.port = static_cast<uint16_t>(*rc::gen::inRange(1, 65536));
    entry.max_age = Seconds(*rc::gen::inRange(0, 1 << 30));
    entry.persist = *rc::gen::arbitrary<bool>();
    meant.entries.push_back(entry);
  }
  const auto read = ParseAltSvc(RenderAltSvc(meant));
  RC_ASSERT(read.ok());
  RC_ASSERT(*read == meant);
}

}  // namespace
}  // namespace lockstep::controller::edge
