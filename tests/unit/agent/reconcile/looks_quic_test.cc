// Who serves QUIC, and with which parameters, decides what must be seen.
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/reconcile/looks.h"
#include "tests/unit/agent/reconcile/samples.h"

namespace lockstep::agent::reconcile {
namespace {

Desired Base(QuicServer server) {
  Desired out;
  out.service_addresses = {Ip("203.0.113.10"), Ip("2001:db8:a::10")};
  out.node_addresses = {Ip("10.77.2.2"), Ip("fd77:2::2")};
  out.sites = {{"www", {Host("www.example.test")}, {Host("www.example.test")}, Preset{}}};
  out.sites[0].quic = QuicPolicy{true, true, {}};
  out.certificates = {{"www", 1, {Host("www.example.test")}, "chain", "key", "leaf", At(9)}};
  out.quic_server = server;
  out.quic_identity =
      QuicIdentity{"12345678", PreferredAddress{Ip("198.51.100.7"), Ip("10.77.2.2")}, {}};
  return out;
}

std::vector<Look> OfKind(LookKind kind, const std::vector<Look>& looks) {
  std::vector<Look> out;
  std::copy_if(looks.begin(), looks.end(), std::back_inserter(out),
               [&](const Look& look) { return look.kind == kind; });
  return out;
}

std::vector<Look> QuicOf(const std::vector<Look>& looks) { return OfKind(LookKind::kQuic, looks); }

TEST(QuicLooksTest, ExpectWhatIsAdvertisedOfQuicd) {
  const Desired desired = Base(QuicServer::kQuicd);
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, nullptr));
  ASSERT_EQ(QuicOf(looks.changed).size(), 2u);
  for (const Look& look : QuicOf(looks.changed)) {
    EXPECT_EQ(look.quic, (QuicExpectation{true, "198.51.100.7:443", "", true}));
  }
}

TEST(QuicLooksTest, ExpectNoParametersOfCaddy) {
  const Desired desired = Base(QuicServer::kCaddy);
  for (const Look& look : ExpectedLooks(desired, CompareDesired(desired, nullptr)).changed) {
    EXPECT_FALSE(look.quic.has_value());
  }
}

TEST(QuicLooksTest, ThereAreNoneWhereNobodyServes) {
  const Desired desired = Base(QuicServer::kNone);
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, nullptr));
  EXPECT_EQ(OfKind(LookKind::kTls, looks.changed).size(), 2u);
  EXPECT_TRUE(QuicOf(looks.changed).empty());
}

TEST(QuicLooksTest, AnotherServerIsProvedOnEveryAddressBeforeTheAnswer) {
  const Desired before = Base(QuicServer::kCaddy);
  const Desired desired = Base(QuicServer::kQuicd);
  const Changes changes = CompareDesired(desired, &before);
  EXPECT_TRUE(changes.disturbs_servers());
  const Looks looks = ExpectedLooks(desired, changes);
  EXPECT_EQ(QuicOf(looks.changed).size(), 2u);
  EXPECT_TRUE(OfKind(LookKind::kTls, looks.changed).empty()) << "TLS stays as it was";
}

TEST(QuicLooksTest, AnotherPolicyIsProvedBeforeTheAnswer) {
  const Desired before = Base(QuicServer::kQuicd);
  Desired desired = before;
  desired.sites[0].quic->use_preferred_address = false;
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, &before));
  ASSERT_EQ(QuicOf(looks.changed).size(), 2u);
  EXPECT_EQ(QuicOf(looks.changed)[0].quic->preferred_ipv4, "");
}

}  // namespace
}  // namespace lockstep::agent::reconcile
