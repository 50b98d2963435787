// Resolver::AskAuthoritative along NS records, in a network namespace with addresses of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "common/dns/resolver.h"
#include "tests/fakes/loopback/dns_server.h"

namespace lockstep::dns {
namespace {

using fakes::DnsServer;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const Hostname kName = *Hostname::Parse("www.example.test");

Status AddToLoopback(const IpAddress& address, int slot) {
  const Fd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(control.get(), SIOCSIFFLAGS, &request) != 0) return FromErrno(errno, "lo up");
  const std::string name = "lo:" + std::to_string(slot);
  std::strncpy(request.ifr_name, name.c_str(), sizeof request.ifr_name - 1);
  sockaddr_storage socket_address;
  (void)Endpoint{address, 0}.ToSockaddr(&socket_address);
  std::memcpy(&request.ifr_addr, &socket_address, sizeof request.ifr_addr);
  if (::ioctl(control.get(), SIOCSIFADDR, &request) != 0) {
    return FromErrno(errno, "add " + address.ToString());
  }
  return Status::Ok();
}

// The whole test program moves into a namespace of its own, once, before any thread exists.
class AskAuthoritativeNamespaceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const int flags = ::geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET;
    if (::unshare(flags) != 0) {
      unavailable_ = FromErrno(errno, "no network namespace of its own");
      return;
    }
    int slot = 0;
    for (const char* address : {"192.0.2.1", "192.0.2.11", "192.0.2.12", "192.0.2.13"}) {
      unavailable_ = AddToLoopback(*IpAddress::Parse(address), ++slot);
      if (!unavailable_.ok()) return;
    }
  }

  void SetUp() override {
    if (!unavailable_.ok()) GTEST_SKIP() << unavailable_;
    char path[] = "/tmp/lockstep-resolv-XXXXXX";
    const Fd file(::mkstemp(path));
    resolv_conf_ = path;
    std::ofstream(resolv_conf_) << "nameserver 192.0.2.1\n";
  }
  void TearDown() override { ::unlink(resolv_conf_.c_str()); }

  static std::unique_ptr<DnsServer> Serve(const std::string& address,
                                          std::vector<std::string> records) {
    return std::make_unique<DnsServer>(std::move(records), *Endpoint::Parse(address + ":53"));
  }
  Result<Authority> Ask() const {
    Config config;
    config.timeout = Millis(100);
    config.deadline = Seconds(5);
    config.resolv_conf = resolv_conf_;
    return Resolver(config).AskAuthoritative(kName);
  }

  static Status unavailable_;
  std::string resolv_conf_;
};

Status AskAuthoritativeNamespaceTest::unavailable_;

TEST_F(AskAuthoritativeNamespaceTest, AsksEveryServerOfTheZoneAndNoCache) {
  // The resolver's own idea of the address is stale.
  const auto resolver =
      Serve("192.0.2.1",
            {"example.test. 60 IN NS ns1.example.test.", "example.test. 60 IN NS ns2.example.test.",
             "ns1.example.test. 60 IN A 192.0.2.11", "ns2.example.test. 60 IN A 192.0.2.12",
             "www.example.test. 60 IN A 198.51.100.1"});
  const auto one = Serve("192.0.2.11", {"www.example.test. 60 IN A 203.0.113.10"});
  const auto two = Serve("192.0.2.12", {"www.example.test. 60 IN A 203.0.113.99"});
  const auto authority = Ask();
  ASSERT_TRUE(authority.ok()) << authority.status();
  EXPECT_EQ(authority->FirstFailure(), Status::Ok());
  ASSERT_EQ(authority->answers.size(), 2u);
  EXPECT_EQ(authority->answers[0].server_name, "ns1.example.test");
  EXPECT_EQ(authority->answers[0].server.ToString(), "192.0.2.11:53");
  EXPECT_THAT(authority->AllAddresses(),
              ElementsAre(*IpAddress::Parse("203.0.113.10"), *IpAddress::Parse("203.0.113.99")));
  EXPECT_THAT(resolver->questions(), Not(Contains("www.example.test. A")));
}

TEST_F(AskAuthoritativeNamespaceTest, AsksTheZoneThatACnameLeadsTo) {
  const auto resolver = Serve(
      "192.0.2.1", {"example.test. 60 IN NS ns1.example.test.", "cdn.test. 60 IN NS ns.cdn.test.",
                    "ns1.example.test. 60 IN A 192.0.2.11", "ns.cdn.test. 60 IN A 192.0.2.12"});
  const auto one = Serve("192.0.2.11", {"www.example.test. 60 IN CNAME edge.cdn.test."});
  one->StopAfterCname();  // what lies outside its zone it cannot know
  const auto two = Serve("192.0.2.12", {"edge.cdn.test. 60 IN A 203.0.113.10"});
  const auto authority = Ask();
  ASSERT_TRUE(authority.ok()) << authority.status();
  ASSERT_EQ(authority->answers.size(), 2u);
  EXPECT_THAT(authority->answers[0].addresses.chain,
              ElementsAre("www.example.test", "edge.cdn.test"));
  EXPECT_EQ(authority->answers[1].name, "edge.cdn.test");
  EXPECT_EQ(authority->answers[1].server_name, "ns.cdn.test");
  EXPECT_THAT(authority->AllAddresses(), ElementsAre(*IpAddress::Parse("203.0.113.10")));
}

TEST_F(AskAuthoritativeNamespaceTest, DialsNoServerThatTheNetworkPutsOnThisMachine) {
  const auto resolver =
      Serve("192.0.2.1",
            {"example.test. 60 IN NS ns1.example.test.", "example.test. 60 IN NS ns2.example.test.",
             "ns1.example.test. 60 IN A 127.0.0.1", "ns2.example.test. 60 IN A 169.254.1.1"});
  const auto trap = Serve("127.0.0.1", {"www.example.test. 60 IN A 203.0.113.10"});
  const auto authority = Ask();
  ASSERT_TRUE(authority.ok()) << authority.status();
  ASSERT_EQ(authority->answers.size(), 2u);
  EXPECT_EQ(authority->FirstFailure(),
            FailedPrecondition(
                "ns1.example.test: its address 127.0.0.1 is no public one and is not dialled"));
  EXPECT_THAT(authority->answers[1].status.message(), HasSubstr("169.254.1.1"));
  EXPECT_THAT(trap->questions(), ElementsAre());
}

TEST_F(AskAuthoritativeNamespaceTest, SaysWhichServerIsLameSilentOrGone) {
  const auto resolver = Serve(
      "192.0.2.1",
      {"example.test. 60 IN NS lame.example.test.", "example.test. 60 IN NS silent.example.test.",
       "example.test. 60 IN NS gone.example.test.", "example.test. 60 IN NS nowhere.example.test.",
       "lame.example.test. 60 IN A 192.0.2.11", "silent.example.test. 60 IN A 192.0.2.12",
       "gone.example.test. 60 IN A 192.0.2.13"});
  const auto lame = Serve("192.0.2.11", {"www.example.test. 60 IN A 203.0.113.10"});
  lame->AnswerWithoutAuthority();
  const auto silent = Serve("192.0.2.12", {});
  silent->StaySilentFor("www.example.test");
  const auto authority = Ask();
  ASSERT_TRUE(authority.ok()) << authority.status();
  std::vector<std::string> said;
  for (const AuthorityAnswer& answer : authority->answers) said.push_back(answer.status.message());
  EXPECT_THAT(said, ElementsAre(HasSubstr("has no authority for www.example.test"),
                                HasSubstr("no answer within the deadline"),
                                HasSubstr("Connection refused"), HasSubstr("NXDOMAIN")));
}

TEST_F(AskAuthoritativeNamespaceTest, SaysWhenThereIsNoZone) {
  const auto resolver = Serve("192.0.2.1", {});
  EXPECT_EQ(Ask().status(), NotFound("no zone with name servers found for www.example.test"));
}

}  // namespace
}  // namespace lockstep::dns
