#include "common/dns/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>

#include "tests/fakes/loopback/dns_server.h"
#include "tests/fakes/loopback/servers.h"

namespace lockstep::dns {
namespace {

using fakes::DnsServer;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Hostname kName = *Hostname::Parse("www.example.test");

Resolver Asking(std::vector<Endpoint> servers, Micros timeout = Seconds(1)) {
  Config config;
  config.servers = std::move(servers);
  config.timeout = timeout;
  config.deadline = Seconds(5);
  return Resolver(std::move(config));
}

std::vector<std::string> Texts(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> out;
  for (const IpAddress& address : addresses) out.push_back(address.ToString());
  return out;
}

TEST(LookupAddressesTest, FindsBothFamilies) {
  DnsServer server({"www.example.test. 60 IN AAAA 2001:db8:a::10",
                    "www.example.test. 60 IN A 203.0.113.10",
                    "www.example.test. 60 IN A 203.0.113.9"});
  const auto found = Asking({server.endpoint()}).LookupAddresses(kName);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(Texts(found->addresses),
              ElementsAre("203.0.113.9", "203.0.113.10", "2001:db8:a::10"));
  EXPECT_THAT(found->chain, ElementsAre("www.example.test"));
}

TEST(LookupAddressesTest, FollowsCnamesAndShowsTheChain) {
  DnsServer server({"www.example.test. 60 IN CNAME Edge.CDN.test.",
                    "edge.cdn.test. 60 IN CNAME a.cdn.test.", "a.cdn.test. 60 IN A 203.0.113.10"});
  for (const bool piecemeal : {false, true}) {
    if (piecemeal) server.StopAfterCname();
    const auto found = Asking({server.endpoint()}).LookupAddresses(kName);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_THAT(Texts(found->addresses), ElementsAre("203.0.113.10"));
    EXPECT_THAT(found->chain, ElementsAre("www.example.test", "edge.cdn.test", "a.cdn.test"));
  }
}

TEST(LookupAddressesTest, EndsACnameLoop) {
  DnsServer server({"www.example.test. 60 IN CNAME b.example.test.",
                    "b.example.test. 60 IN CNAME www.example.test."});
  EXPECT_EQ(
      Asking({server.endpoint()}).LookupAddresses(kName).status(),
      FailedPrecondition("CNAME loop: www.example.test -> b.example.test -> www.example.test"));
}

TEST(LookupAddressesTest, EndsALongChain) {
  std::vector<std::string> records = {"www.example.test. 60 IN CNAME c0.test."};
  for (int i = 0; i < 12; ++i) {
    records.push_back("c" + std::to_string(i) + ".test. 60 IN CNAME c" + std::to_string(i + 1) +
                      ".test.");
  }
  DnsServer server(records);
  server.StopAfterCname();
  const Status status = Asking({server.endpoint()}).LookupAddresses(kName).status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("more than eight CNAMEs: www.example.test -> c0.test"));
}

TEST(LookupAddressesTest, SaysNxdomainAndWhoSaidIt) {
  DnsServer server({});
  EXPECT_EQ(Asking({server.endpoint()}).LookupAddresses(kName).status(),
            NotFound("www.example.test: name server " + server.endpoint().ToString() +
                     " says NXDOMAIN, there is no such name"));
}

TEST(LookupAddressesTest, SaysWhenANameHasOtherRecordsOnly) {
  DnsServer server({"www.example.test. 60 IN TXT hello", "b.example.test. 60 IN CNAME c.test.",
                    "c.test. 60 IN TXT hello"});
  EXPECT_EQ(Asking({server.endpoint()}).LookupAddresses(kName).status(),
            NotFound("www.example.test: name server " + server.endpoint().ToString() +
                     " says there are neither A nor AAAA records"));
  EXPECT_EQ(
      Asking({server.endpoint()}).LookupAddresses(*Hostname::Parse("b.example.test")).status(),
      NotFound("b.example.test: c.test, where its CNAME leads, has neither A nor AAAA records"));
}

TEST(LookupAddressesTest, SaysServfailAndWhoSaidIt) {
  DnsServer server({});
  server.AnswerRcode("www.example.test", 2);
  EXPECT_EQ(Asking({server.endpoint()}).LookupAddresses(kName).status(),
            Unavailable("look up www.example.test: name server " + server.endpoint().ToString() +
                        " answered SERVFAIL"));
}

TEST(LookupAddressesTest, EndsAtTheTimeout) {
  DnsServer server({});
  server.StaySilentFor("www.example.test");
  const Status status = Asking({server.endpoint()}, Millis(20)).LookupAddresses(kName).status();
  EXPECT_EQ(status,
            DeadlineExceeded("look up www.example.test: name server " +
                             server.endpoint().ToString() + ": no answer within the deadline"));
  // It may still be reading the second.
  const auto patience = std::chrono::steady_clock::now() + Seconds(10);
  while (server.questions().size() < 2 && std::chrono::steady_clock::now() < patience) {
    std::this_thread::yield();
  }
  EXPECT_EQ(server.questions().size(), 2u);
}

TEST(LookupAddressesTest, AsksAgainWhenADatagramIsLost) {
  DnsServer server({"www.example.test. 60 IN A 203.0.113.10"});
  server.LoseFirst(1);
  EXPECT_TRUE(Asking({server.endpoint()}, Millis(300)).LookupAddresses(kName).ok());
}

TEST(LookupAddressesTest, TurnsToTheNextServerAndNamesAllThatFail) {
  DnsServer broken({});
  broken.AnswerRcode("www.example.test", 5);
  DnsServer good({"www.example.test. 60 IN A 203.0.113.10"});
  const Endpoint refused = fakes::RefusedEndpoint(SOCK_DGRAM);
  EXPECT_TRUE(Asking({refused, broken.endpoint(), good.endpoint()}).LookupAddresses(kName).ok());
  EXPECT_EQ(Asking({refused, broken.endpoint()}).LookupAddresses(kName).status(),
            Unavailable("look up www.example.test: name server " + refused.ToString() +
                        ": receive: Connection refused; name server " +
                        broken.endpoint().ToString() + " answered REFUSED"));
}

TEST(LookupAddressesTest, GoesOverTcpWhenTruncated) {
  DnsServer server({"www.example.test. 60 IN A 203.0.113.10"});
  server.TruncateOverUdp();
  const auto found = Asking({server.endpoint()}).LookupAddresses(kName);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(Texts(found->addresses), ElementsAre("203.0.113.10"));
  EXPECT_THAT(server.questions(), Contains("www.example.test. A tcp"));
}

TEST(LookupAddressesTest, SaysWhenTcpFailsAfterTruncation) {
  DnsServer server({"www.example.test. 60 IN A 203.0.113.10"});
  server.TruncateOverUdp();
  server.CloseOverTcp();
  const Status status = Asking({server.endpoint()}).LookupAddresses(kName).status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
}

TEST(LookupAddressesTest, IgnoresForgeries) {
  DnsServer server({"www.example.test. 60 IN A 203.0.113.10"});
  server.SendForgeriesFirst();
  const auto found = Asking({server.endpoint()}).LookupAddresses(kName);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(Texts(found->addresses), ElementsAre("203.0.113.10"));
}

TEST(LookupAddressesTest, EndsWhenStopped) {
  DnsServer server({});
  server.StaySilentFor("www.example.test");
  std::stop_source stop;
  const std::jthread stopper([&stop] { stop.request_stop(); });
  EXPECT_EQ(Asking({server.endpoint()}, Seconds(20))
                .LookupAddresses(kName, stop.get_token())
                .status()
                .code(),
            Code::kCancelled);
}

TEST(LookupCaaTest, TakesTheRecordsOfTheClosestAncestor) {
  DnsServer server({"example.test. 60 IN CAA 0 issue \"ca.test; validationmethods=http-01\"",
                    "example.test. 60 IN CAA 128 iodef \"mailto:a@example.test\"",
                    "test. 60 IN CAA 0 issue \"other.test\""});
  const auto set = Asking({server.endpoint()}).LookupCaa(kName);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->owner, "example.test");
  EXPECT_THAT(set->records,
              ElementsAre(CaaRecord{false, "issue", "ca.test; validationmethods=http-01"},
                          CaaRecord{true, "iodef", "mailto:a@example.test"}));
  EXPECT_THAT(server.questions(), ElementsAre("www.example.test. CAA", "example.test. CAA"));
}

TEST(LookupCaaTest, FollowsACnameBeforeItClimbs) {
  DnsServer server({"www.example.test. 60 IN CNAME edge.cdn.test.",
                    "edge.cdn.test. 60 IN CAA 0 issue \";\"",
                    "example.test. 60 IN CAA 0 issue \"ca.test\""});
  const auto set = Asking({server.endpoint()}).LookupCaa(kName);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->owner, "www.example.test");
  EXPECT_THAT(set->records, ElementsAre(CaaRecord{false, "issue", ";"}));
}

TEST(LookupCaaTest, FindsNoneUpToTheTop) {
  DnsServer server({});
  const auto set = Asking({server.endpoint()}).LookupCaa(kName);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->owner, "");
  EXPECT_THAT(set->records, IsEmpty());
  EXPECT_THAT(server.questions(),
              ElementsAre("www.example.test. CAA", "example.test. CAA", "test. CAA"));
}

TEST(LookupCaaTest, FailsWhereACaWouldFail) {
  DnsServer server({"test. 60 IN CAA 0 issue \"ca.test\""});
  server.AnswerRcode("example.test", 2);
  const Status status = Asking({server.endpoint()}).LookupCaa(kName).status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("look up example.test: "));
  EXPECT_THAT(status.message(), HasSubstr("answered SERVFAIL"));
}

TEST(LookupHttpsTest, ShowsTheBindingsByPriority) {
  DnsServer server({
      // 2 edge.test. alpn=h2
      "www.example.test. 300 IN TYPE65 \\# 20 0002 0465646765047465737400 00010003026832",
      // 1 . alpn=h3,h2 port=443 ipv4hint=203.0.113.10
      "www.example.test. 60 IN TYPE65 \\# 27 0001 00 00010006026833026832 0003000201bb "
      "00040004cb00710a",
  });
  const auto found = Asking({server.endpoint()}).LookupHttps(kName);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].target, ".");
  EXPECT_THAT((*found)[0].alpn, ElementsAre("h3", "h2"));
  EXPECT_EQ((*found)[0].port, 443);
  EXPECT_THAT(Texts((*found)[0].ipv4_hints), ElementsAre("203.0.113.10"));
  EXPECT_EQ((*found)[0].ttl, Seconds(60));
  EXPECT_EQ((*found)[1].target, "edge.test");
  EXPECT_EQ((*found)[1].ttl, Seconds(300));
}

TEST(LookupHttpsTest, IsEmptyWhereThereIsNone) {
  DnsServer server({"www.example.test. 60 IN A 203.0.113.10"});
  const auto found = Asking({server.endpoint()}).LookupHttps(kName);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(*found, IsEmpty());
}

TEST(AskAuthoritativeTest, AsksEachConfiguredServerOnItsOwn) {
  DnsServer one({"www.example.test. 60 IN A 203.0.113.10"});
  DnsServer two({"www.example.test. 60 IN A 203.0.113.99"});
  DnsServer three({});
  const auto authority =
      Asking({one.endpoint(), two.endpoint(), three.endpoint()}).AskAuthoritative(kName);
  ASSERT_TRUE(authority.ok()) << authority.status();
  ASSERT_EQ(authority->answers.size(), 3u);
  EXPECT_EQ(authority->answers[0].server, one.endpoint());
  EXPECT_THAT(Texts(authority->answers[0].addresses.addresses), ElementsAre("203.0.113.10"));
  EXPECT_THAT(Texts(authority->answers[1].addresses.addresses), ElementsAre("203.0.113.99"));
  EXPECT_EQ(authority->answers[2].status.code(), Code::kNotFound);
  EXPECT_THAT(authority->FirstFailure().message(), HasSubstr("says NXDOMAIN"));
  EXPECT_THAT(Texts(authority->AllAddresses()), ElementsAre("203.0.113.10", "203.0.113.99"));
}

TEST(AskAuthoritativeTest, NeverDialsPrivateCornersThatANetworkNames) {
  for (const char* bad : {"127.0.0.1", "127.8.8.8", "::1", "169.254.1.1", "fe80::1", "0.0.0.0",
                          "0.1.2.3", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1",
                          "::ffff:127.0.0.1", "::7f00:1"}) {
    EXPECT_EQ(CheckLearnedServer(*IpAddress::Parse(bad)).code(), Code::kFailedPrecondition) << bad;
  }
  for (const char* good : {"192.0.2.1", "2001:db8::1", "10.0.0.1", "fd00::1"}) {
    EXPECT_TRUE(CheckLearnedServer(*IpAddress::Parse(good)).ok()) << good;
  }
}

}  // namespace
}  // namespace lockstep::dns
