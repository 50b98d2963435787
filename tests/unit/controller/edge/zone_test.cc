#include "controller/edge/zone.h"

#include <gtest/gtest.h>

namespace lockstep::controller::edge {
namespace {

ZoneInput Input() {
  ZoneInput input;
  input.hosts = {{*Hostname::Parse("www.example.test"), true}};
  input.service_addresses = {*IpAddress::Parse("203.0.113.10"), *IpAddress::Parse("2001:db8::10")};
  input.advertised = Promise({SameHostHttp3()}, Seconds(300), false);
  return input;
}

TEST(ZoneTest, SaysTheSameAsTheHeaderAndForNoLonger) {
  EXPECT_EQ(*RenderZone(Input()),
            "www.example.test. 300 IN A 203.0.113.10\n"
            "www.example.test. 300 IN AAAA 2001:db8::10\n"
            "www.example.test. 300 IN HTTPS 1 . alpn=\"h3,h2\"\n");
}

TEST(ZoneTest, NamesNoHttp3ThatIsNotPromised) {
  ZoneInput input = Input();
  for (const AltSvc& value : {AltSvc{}, AltSvc{.clear = true, .entries = {}}}) {
    input.advertised = value;
    EXPECT_NE(RenderZone(input)->find("3600 IN HTTPS 1 . alpn=\"h2\"\n"), std::string::npos);
  }
}

TEST(ZoneTest, AHostWithoutACertificateGetsNoHttpsRecord) {
  ZoneInput input = Input();
  input.hosts[0].secure = false;
  EXPECT_EQ(RenderZone(input)->find("IN HTTPS"), std::string::npos);
}

TEST(ZoneTest, AnotherPortIsARecordOfItsOwnThatRulesOutTcp) {
  ZoneInput input = Input();
  input.advertised = Promise({{"h3", "", 8443}}, Seconds(300), false);
  const std::string zone = *RenderZone(input);
  EXPECT_NE(zone.find("HTTPS 1 . alpn=\"h3\" no-default-alpn port=8443\n"), std::string::npos);
  EXPECT_NE(zone.find("HTTPS 2 . alpn=\"h2\"\n"), std::string::npos);
}

TEST(ZoneTest, HintsGoWithAnotherNameOnly) {
  ZoneInput input = Input();
  input.advertised = Promise({{"h3", "alt.example.test", 443}}, Seconds(300), false);
  EXPECT_NE(RenderZone(input)->find("HTTPS 1 alt.example.test. alpn=\"h3\" no-default-alpn "
                                    "ipv4hint=203.0.113.10 ipv6hint=2001:db8::10\n"),
            std::string::npos);
}

TEST(ZoneTest, EscapesWhatAProtocolIdMayHold) {
  ZoneInput input = Input();
  input.advertised = Promise({{"a,b\\c\"d", "", 443}}, Seconds(300), false);
  EXPECT_NE(RenderZone(input)->find(R"(alpn="a\\,b\\\\c\034d,h2")"), std::string::npos)
      << *RenderZone(input);
}

TEST(ZoneTest, NeedsAServiceAddress) {
  ZoneInput input = Input();
  input.service_addresses.clear();
  EXPECT_EQ(RenderZone(input).status().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace lockstep::controller::edge
