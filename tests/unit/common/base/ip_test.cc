#include "common/base/ip.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lockstep {
namespace {

IpAddress Ip(std::string_view text) {
  const Result<IpAddress> parsed = IpAddress::Parse(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.value_or(IpAddress());
}

TEST(IpAddressTest, RoundTripsBothFamiliesInCanonicalForm) {
  EXPECT_EQ(Ip("203.0.113.10").ToString(), "203.0.113.10");
  EXPECT_EQ(Ip("2001:0DB8:000a:0:0:0:0:10").ToString(), "2001:db8:a::10");
  EXPECT_EQ(Ip("203.0.113.10").family(), Family::kIpv4);
  EXPECT_TRUE(Ip("::1").is_v6());
  EXPECT_EQ(IpAddress().ToString(), "0.0.0.0");
}

TEST(IpAddressTest, BracketsIpv6InUrls) {
  EXPECT_EQ(Ip("203.0.113.10").ToUrlHost(), "203.0.113.10");
  EXPECT_EQ(Ip("2001:db8:a::10").ToUrlHost(), "[2001:db8:a::10]");
}

TEST(IpAddressTest, GivesItsBytesInNetworkOrder) {
  EXPECT_EQ(Ip("1.2.3.4").Bytes(), std::string("\x01\x02\x03\x04"));
  EXPECT_EQ(Ip("::1").Bytes(), std::string(15, '\0') + '\x01');
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view text :
       {""sv, "www.example.test"sv, "1.2.3"sv, "1.2.3.4.5"sv, "256.1.1.1"sv, "01.2.3.4"sv,
        " 1.2.3.4"sv, "1.2.3.4 "sv, "fe80::1%eth0"sv, "[::1]"sv, ":::1"sv, "1.2.3.4\0"sv,
        "0x7f.0.0.1"sv}) {
    const Result<IpAddress> parsed = IpAddress::Parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(IpAddress::Parse("fe80::1%eth0").status().message(),
            "\"fe80::1%eth0\" is no IP address");
}

TEST(IpAddressTest, AMappedIpv4AddressIsThatIpv4Address) {
  EXPECT_EQ(Ip("::ffff:203.0.113.10"), Ip("203.0.113.10"));
  EXPECT_TRUE(Ip("::ffff:169.254.169.254").IsLinkLocal());
  EXPECT_TRUE(Ip("::ffff:127.0.0.1").IsLoopback());
  EXPECT_EQ(Ip("::ffff:0:1.2.3.4").family(), Family::kIpv6) << "translated, not mapped";
}

TEST(IpAddressTest, KnowsTheSpecialRanges) {
  EXPECT_TRUE(Ip("127.0.0.1").IsLoopback());
  EXPECT_TRUE(Ip("127.255.0.9").IsLoopback());
  EXPECT_TRUE(Ip("::1").IsLoopback());
  EXPECT_FALSE(Ip("::2").IsLoopback());
  EXPECT_FALSE(Ip("128.0.0.1").IsLoopback());
  EXPECT_TRUE(Ip("169.254.169.254").IsLinkLocal());
  EXPECT_FALSE(Ip("169.253.0.1").IsLinkLocal());
  EXPECT_TRUE(Ip("fe80::1").IsLinkLocal());
  EXPECT_TRUE(Ip("febf::1").IsLinkLocal());
  EXPECT_FALSE(Ip("fec0::1").IsLinkLocal());
  EXPECT_TRUE(Ip("0.0.0.0").IsUnspecified());
  EXPECT_TRUE(Ip("::").IsUnspecified());
  EXPECT_FALSE(Ip("::1").IsUnspecified());
  EXPECT_TRUE(Ip("224.0.0.1").IsMulticast());
  EXPECT_TRUE(Ip("239.255.255.255").IsMulticast());
  EXPECT_FALSE(Ip("240.0.0.1").IsMulticast());
  EXPECT_TRUE(Ip("ff02::1").IsMulticast());
}

TEST(IpAddressTest, SortsIpv4BeforeIpv6) {
  EXPECT_LT(Ip("255.255.255.255"), Ip("::"));
  EXPECT_LT(Ip("1.2.3.4"), Ip("1.2.3.5"));
}

TEST(IpAddressTest, ReadsSocketAddresses) {
  sockaddr_storage storage{};
  for (const char* text : {"203.0.113.10:443", "[2001:db8:a::10]:443"}) {
    const Endpoint endpoint = *Endpoint::Parse(text);
    const socklen_t size = endpoint.ToSockaddr(&storage);
    EXPECT_EQ(size, endpoint.address.is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    EXPECT_EQ(*IpAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&storage)), endpoint.address);
  }
  storage.ss_family = AF_UNIX;
  EXPECT_EQ(IpAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&storage)).status(),
            InvalidArgument("socket address is neither IPv4 nor IPv6"));
}

RC_GTEST_PROP(IpAddressProperty, TextRoundTrips, (uint32_t number, bool six)) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr.s6_addr[0] = 0x20;
  for (size_t i = 0; i < 4; ++i)
    v6.sin6_addr.s6_addr[2 + i * 3] = static_cast<uint8_t>(number >> 8 * i);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = number;
  const auto* address =
      six ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  const IpAddress ip = *IpAddress::FromSockaddr(address);
  RC_ASSERT(*IpAddress::Parse(ip.ToString()) == ip);
  RC_ASSERT((Endpoint::Parse(Endpoint{ip, 443}.ToString()).value() == Endpoint{ip, 443}));
}

RC_GTEST_PROP(IpAddressProperty, NoTextCrashes, (std::string text)) {
  (void)IpAddress::Parse(text).ok();
  (void)Endpoint::Parse(text).ok();
}

TEST(EndpointTest, RoundTripsBothFamilies) {
  EXPECT_EQ(Endpoint::Parse("203.0.113.10:443")->ToString(), "203.0.113.10:443");
  EXPECT_EQ(Endpoint::Parse("[2001:db8:a::10]:8443")->ToString(), "[2001:db8:a::10]:8443");
  EXPECT_EQ(Endpoint::Parse("127.0.0.1:0")->port, 0) << "port 0 asks the system for one";
  EXPECT_EQ(Endpoint::Parse("127.0.0.1:65535")->port, 65535);
}

TEST(EndpointTest, RefusesWhatIsNoAddressWithPort) {
  for (const char* text :
       {"", "203.0.113.10", "203.0.113.10:", ":443", "203.0.113.10:65536", "203.0.113.10:-1",
        "203.0.113.10:+80", "203.0.113.10:80x", "203.0.113.10: 80", "2001:db8::1:443", "[::1]",
        "[203.0.113.10]:443", "::1:443", "[]:443", "localhost:443", "[::1:443"}) {
    EXPECT_FALSE(Endpoint::Parse(text).ok()) << text;
  }
  EXPECT_EQ(Endpoint::Parse("localhost:443").status().message(),
            "\"localhost:443\" is no address with port, such as 203.0.113.10:443 or [::1]:443");
}

}  // namespace
}  // namespace lockstep
