#include "agent/reconcile/plan.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "agent/reconcile/looks.h"
#include "tests/unit/agent/reconcile/samples.h"

namespace lockstep::agent::reconcile {
namespace {

using testing::Test;

Certificate Cert(const std::string& name, uint64_t revision, std::vector<std::string> hosts,
                 int64_t not_after = 1'800'000'000) {
  Certificate out{name, revision, {}, "chain", "key", "", At(not_after)};
  for (const std::string& host : hosts) out.hosts.push_back(Host(host));
  out.leaf_sha256 = name + std::to_string(revision);
  return out;
}

SiteMark Mark(char digit) { return *SiteMark::Parse(std::string(32, digit)); }

Desired Base() {
  Desired out;
  out.node = *NodeName::Parse("fra1");
  out.pop = *PopName::Parse("fra");
  out.service_addresses = {Ip("203.0.113.10"), Ip("2001:db8:a::10")};
  out.node_addresses = {Ip("10.77.2.2")};
  out.sites = {
      {"www", {Host("www.example.test")}, {Host("www.example.test")}, Preset{}, Mark('1')}};
  out.certificates = {Cert("a", 1, {"a.example"}), Cert("www", 1, {"www.example.test"})};
  return out;
}

std::vector<StepKind> Kinds(const Plan& plan) {
  std::vector<StepKind> out;
  for (const Step& step : plan.steps) out.push_back(step.kind);
  return out;
}

TEST(PlanTest, HasNothingToDoForTheSameState) {
  const Desired desired = Base();
  const Plan plan = MakePlan(desired, &desired);
  EXPECT_TRUE(plan.changes.empty());
  EXPECT_TRUE(plan.steps.empty());
}

TEST(PlanTest, DoesEverythingWhereNothingIsKnown) {
  const Plan plan = MakePlan(Base(), nullptr);
  EXPECT_EQ(Kinds(plan), (std::vector{StepKind::kPrepareChallenges, StepKind::kApplyServers,
                                      StepKind::kRenewHttp3, StepKind::kProveChanged,
                                      StepKind::kProveBackground}));
  EXPECT_TRUE(plan.changes.first);
}

TEST(PlanTest, PeersAloneDisturbNoServer) {
  const Desired before = Base();
  Desired desired = before;
  desired.peers.push_back({*NodeName::Parse("ams1"), *PopName::Parse("ams"), {}});
  const Plan plan = MakePlan(desired, &before);
  EXPECT_EQ(Kinds(plan), std::vector{StepKind::kPrepareChallenges});
  EXPECT_FALSE(plan.changes.disturbs_servers());
}

TEST(PlanTest, LockstepQuicdIsToldOfOtherWitnesses) {
  Desired before = Base();
  before.quic_server = QuicServer::kQuicd;
  Desired desired = before;
  desired.peers.push_back({*NodeName::Parse("ams1"), *PopName::Parse("ams"), {}});
  EXPECT_TRUE(MakePlan(desired, &before).changes.quic);
  desired = before;
  desired.controller_addresses = {*IpAddress::Parse("192.0.2.1")};
  EXPECT_TRUE(MakePlan(desired, &before).changes.quic);
  EXPECT_FALSE(MakePlan(before, &before).changes.quic);
}

TEST(PlanTest, ASiteAloneKeepsQuicConnectionsAlive) {
  const Desired before = Base();
  Desired desired = before;
  desired.sites[0].content = Preset{404, "text/plain", "gone"};
  const Plan plan = MakePlan(desired, &before);
  EXPECT_EQ(Kinds(plan), (std::vector{StepKind::kApplyServers, StepKind::kProveChanged,
                                      StepKind::kProveBackground}));
  EXPECT_EQ(plan.changes.changed_sites, std::vector<std::string>{"www"});
  EXPECT_EQ(plan.steps[0].reason, "1 site changed");
}

TEST(PlanTest, NamesWhatChanged) {
  const Desired before = Base();
  Desired desired = before;
  desired.certificates[1] = Cert("www", 2, {"www.example.test", "new.example.test"});
  desired.certificates.erase(desired.certificates.begin());
  desired.service_addresses = {Ip("203.0.113.10"), Ip("203.0.113.11")};
  const Plan plan = MakePlan(desired, &before);
  const Changes& changes = plan.changes;
  EXPECT_EQ(changes.changed_certificates, std::vector<std::string>{"www"});
  EXPECT_EQ(changes.gone_certificates, std::vector<std::string>{"a"});
  EXPECT_EQ(changes.new_addresses, std::vector<IpAddress>{Ip("203.0.113.11")});
  EXPECT_EQ(changes.gone_addresses, std::vector<IpAddress>{Ip("2001:db8:a::10")});
  EXPECT_EQ(changes.changed_hosts,
            (std::vector<Hostname>{Host("new.example.test"), Host("www.example.test")}));
  EXPECT_EQ(plan.steps[0].reason, "2 certificates and 2 addresses changed");
  EXPECT_EQ(plan.steps[1].kind, StepKind::kRenewHttp3);
}

TEST(LooksTest, LooksAtEveryNameOnEveryServiceAddressBothWays) {
  const Desired desired = Base();
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, nullptr));
  EXPECT_EQ(looks.changed.size(), 2u * 2u * 2u + 2u) << "handshakes, and the site";
  EXPECT_TRUE(looks.background.empty());
}

TEST(LooksTest, PutsTheChangedNameFirst) {
  const Desired before = Base();
  Desired desired = before;
  desired.certificates[1] = Cert("www", 2, {"www.example.test"});
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, &before));
  ASSERT_EQ(looks.changed.size(), 4u);
  for (const Look& look : looks.changed) {
    EXPECT_EQ(look.host, Host("www.example.test"));
    EXPECT_EQ(look.expected, "www2");
  }
  EXPECT_EQ(looks.background.size(), 4u + 2u);
}

TEST(LooksTest, LooksAtQuicOnceMoreWhereOnlyACertificateWentAway) {
  const Desired before = Base();
  Desired desired = before;
  desired.certificates.erase(desired.certificates.begin());
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, &before));
  EXPECT_EQ(looks.changed,
            (std::vector<Look>{
                {LookKind::kQuic, Host("www.example.test"), Ip("203.0.113.10"), "www1"},
                {LookKind::kQuic, Host("www.example.test"), Ip("2001:db8:a::10"), "www1"}}));
  EXPECT_EQ(looks.background.size(), 2u + 2u);
}

TEST(LooksTest, ASiteThatPromisesHttp3MustBeSeenToSaySo) {
  Desired desired = Base();
  desired.sites[0].alt_svc = "clear";
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, nullptr));
  const auto is_site = [](const Look& look) { return look.kind == LookKind::kSite; };
  const auto site = std::find_if(looks.changed.begin(), looks.changed.end(), is_site);
  ASSERT_NE(site, looks.changed.end());
  EXPECT_EQ(site->alt_svc, "clear");
}

TEST(LooksTest, AsksForTheMarkOfAChangedSiteOnEveryAddress) {
  Desired before = Base();
  before.sites.push_back({"plain", {Host("plain.example.test")}, {}, Preset{}, Mark('2')});
  Desired desired = before;
  desired.sites[0].mark = Mark('3');
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, &before));
  const Hostname host = Host("www.example.test");
  EXPECT_EQ(looks.changed,
            (std::vector<Look>{{LookKind::kSite, host, Ip("203.0.113.10"), Mark('3').str()},
                               {LookKind::kSite, host, Ip("2001:db8:a::10"), Mark('3').str()}}));
  const Look other{LookKind::kSite, Host("plain.example.test"), Ip("203.0.113.10"),
                   Mark('2').str()};
  EXPECT_NE(std::find(looks.background.begin(), looks.background.end(), other),
            looks.background.end());
}

TEST(LooksTest, AsksASiteAtItsFirstHostWithACertificate) {
  Desired desired = Base();
  desired.sites = {{"www",
                    {Host("a.example"), Host("b.example"), Host("c.example")},
                    {Host("b.example"), Host("c.example")},
                    Preset{},
                    Mark('1')}};
  desired.certificates.clear();
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, nullptr));
  ASSERT_EQ(looks.changed.size(), 2u);
  EXPECT_EQ(looks.changed[0].host, Host("b.example"));
  desired.sites[0].secure_hosts.clear();
  EXPECT_EQ(ExpectedLooks(desired, CompareDesired(desired, nullptr)).changed[0].host,
            Host("a.example"));
}

TEST(LooksTest, LooksAtTheNodesOwnAddressesWhileThereIsNoServiceAddress) {
  Desired desired = Base();
  desired.service_addresses.clear();
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, nullptr));
  ASSERT_EQ(looks.changed.size(), 4u + 1u);
  EXPECT_EQ(looks.changed[0].address, Ip("10.77.2.2"));
}

// Certificates over few names, so that they overlap; sites of few versions.
rc::Gen<Desired> AnyDesired() {
  return rc::gen::exec([] {
    Desired out = Base();
    out.certificates.clear();
    const int count = *rc::gen::inRange(0, 5);
    for (int i = 0; i < count; ++i) {
      std::set<std::string> hosts;
      const int names = *rc::gen::inRange(1, 4);
      for (int n = 0; n < names; ++n) {
        hosts.insert(std::string(1, static_cast<char>('a' + *rc::gen::inRange(0, 5))) + ".example");
      }
      out.certificates.push_back(Cert("c" + std::to_string(i),
                                      static_cast<uint64_t>(*rc::gen::inRange(1, 4)),
                                      {hosts.begin(), hosts.end()}, *rc::gen::inRange(1, 5)));
    }
    out.sites[0].mark = Mark(static_cast<char>('0' + *rc::gen::inRange(0, 3)));
    if (*rc::gen::inRange(0, 2) == 1) out.service_addresses.pop_back();
    return out;
  });
}

RC_GTEST_PROP(LooksProperty, CoverEachNameAndSiteOnEachAddressExactlyOnce, ()) {
  const Desired desired = *AnyDesired();
  const Desired before = *AnyDesired();
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, &before));
  std::vector<Look> all = looks.changed;
  all.insert(all.end(), looks.background.begin(), looks.background.end());
  std::vector<Look> wanted;
  for (const IpAddress& address : desired.service_addresses) {
    for (const Site& site : desired.sites) {
      wanted.push_back({LookKind::kSite, site.hosts[0], address, site.mark.str()});
    }
    for (const auto& [host, certificate] : CertificateByHost(desired)) {
      wanted.push_back({LookKind::kTls, host, address, certificate->leaf_sha256});
      wanted.push_back({LookKind::kQuic, host, address, certificate->leaf_sha256});
    }
  }
  std::sort(all.begin(), all.end());
  std::sort(wanted.begin(), wanted.end());
  RC_ASSERT(all == wanted);
}

RC_GTEST_PROP(LooksProperty, WhatIsLeftToTheBackgroundWasServedAlikeBefore, ()) {
  const Desired desired = *AnyDesired();
  const Desired before = *AnyDesired();
  const Looks looks = ExpectedLooks(desired, CompareDesired(desired, &before));
  const auto old = CertificateByHost(before);
  for (const Look& look : looks.background) {
    if (look.kind == LookKind::kSite) {
      RC_ASSERT(before.sites[0].mark.str() == look.expected);
    } else {
      RC_ASSERT(old.contains(look.host));
      RC_ASSERT(old.at(look.host)->leaf_sha256 == look.expected);
    }
    RC_ASSERT(std::find(before.service_addresses.begin(), before.service_addresses.end(),
                        look.address) != before.service_addresses.end());
  }
}

RC_GTEST_PROP(PlanProperty, IsEmptyExactlyWhenNothingDiffers, ()) {
  const Desired desired = *AnyDesired();
  const Desired before = *AnyDesired();
  RC_ASSERT(MakePlan(desired, &before).steps.empty() == (desired == before));
}

}  // namespace
}  // namespace lockstep::agent::reconcile
