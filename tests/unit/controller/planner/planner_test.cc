#include "controller/planner/planner.h"

#include <gtest/gtest.h>

#include "controller/planner/waves.h"
#include "lockstep/types/v1/snapshot.pb.h"
#include "tests/fakes/fake_clock.h"

namespace lockstep::controller::planner {
namespace {

const WallTime kNow = fakes::FakeClock().Now();
constexpr Micros kDay = std::chrono::hours(24);

Hostname Host(const std::string& name) { return *Hostname::Parse(name); }

model::Site SiteOf(const std::string& name, const std::string& body = "hello") {
  model::Site site;
  site.name = name;
  site.hosts = {Host(name)};
  site.content = model::Preset{200, "text/plain", body};
  return site;
}
// A lineage that began `age` ago and ends `left` from now.
model::Certificate LineageOf(const std::string& name, const std::vector<std::string>& hosts,
                             char leaf, Micros age, Micros left) {
  model::Certificate out;
  out.name = name;
  out.revision = 1;
  for (const std::string& host : hosts) out.hosts.push_back(Host(host));
  out.chain_pem = "chain";
  out.key_pem = "key";
  out.leaf_sha256 = std::string(64, leaf);
  out.not_before = out.created_at = kNow - age;
  out.not_after = kNow + left;
  return out;
}
model::Node NodeOf(const std::string& name, const std::string& pop) {
  model::Node node;
  node.name = *NodeName::Parse(name);
  node.pop = *PopName::Parse(pop);
  node.addresses = {*IpAddress::Parse("10.77.0.1")};
  return node;
}
DesiredState StateOf(std::vector<model::Certificate> certificates) {
  DesiredState state;
  state.service_addresses = {*IpAddress::Parse("203.0.113.10")};
  state.nodes = {NodeOf("ams1", "ams")};
  state.sites = {SiteOf("www.example.test")};
  state.certificates = std::move(certificates);
  return state;
}
Plan PlanOf(std::vector<model::Certificate> certificates) {
  return *MakePlan(StateOf(std::move(certificates)), kNow);
}
std::string LeafFor(const Plan& plan, const std::string& host) {
  for (const auto& served : plan.served) {
    if (served.host == Host(host)) return served.leaf_sha256.substr(0, 1);
  }
  return "";
}

TEST(PlannerTest, CarriesFleetNodeSiteAndCertificate) {
  const Plan plan = PlanOf({LineageOf("www.example.test", {"www.example.test"}, 'a', kDay, kDay)});
  EXPECT_EQ(plan.shared.entries().size(), 3u);
  const auto snapshot = plan.SnapshotFor(*NodeName::Parse("ams1"));
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ(snapshot->entries().size(), 4u);
  types::v1::Site site;
  ASSERT_TRUE(site.ParseFromString(*snapshot->Find({"site", "www.example.test"})->body));
  EXPECT_EQ(site.secure_hosts_size(), 1);
  EXPECT_EQ(plan.SnapshotFor(*NodeName::Parse("fra1")).status().message(),
            "the plan has no node fra1");
}

TEST(PlannerTest, AHostOfTwoSitesIsRefusedByName) {
  DesiredState state = StateOf({});
  model::Site other = SiteOf("other.example.test");
  other.hosts.push_back(Host("www.example.test"));
  state.sites.push_back(other);
  EXPECT_EQ(MakePlan(state, kNow).status().message(),
            "host www.example.test belongs to site www.example.test and to site "
            "other.example.test; give it to one of them");
}

TEST(PlannerTest, TheSameStateGivesTheSameBytes) {
  const auto certificate = LineageOf("www.example.test", {"www.example.test"}, 'a', kDay, kDay);
  EXPECT_EQ(PlanOf({certificate}).shared.Digest(), PlanOf({certificate}).shared.Digest());
}

TEST(PlannerTest, OfOverlappingCertificatesAValidOneIsChosen) {
  const auto ended = LineageOf("www.example.test", {"www.example.test"}, 'e', kDay * 90, -kDay);
  const auto valid = LineageOf("b.example.test", {"b.example.test", "www.example.test"}, 'v',
                               kDay * 80, kDay * 10);
  auto revoked = LineageOf("c.example.test", {"www.example.test"}, 'r', kDay, kDay * 80);
  revoked.revoked = true;
  const Plan plan = PlanOf({ended, valid, revoked});
  EXPECT_EQ(LeafFor(plan, "www.example.test"), "v");
  // Each certificate is carried for just the names that it answers for; the others are not carried.
  EXPECT_EQ(plan.shared.CountOf("certificate"), 1u);
  // If only an ended one exists, it is served.
  EXPECT_EQ(LeafFor(PlanOf({ended}), "www.example.test"), "e");
}

TEST(PlannerTest, AFirstCertificateIsAllThatIsAdded) {
  const Plan none = PlanOf({});
  const auto first = LineageOf("www.example.test", {"www.example.test"}, 'a', kDay, kDay);
  const Plan one = PlanOf({first});
  EXPECT_TRUE(OnlyAddsFirstCertificates(none, one));
  EXPECT_FALSE(OnlyAddsFirstCertificates(one, none));
  EXPECT_FALSE(OnlyAddsFirstCertificates(one, one));
  auto again = first;
  again.leaf_sha256 = std::string(64, 'b');
  EXPECT_FALSE(OnlyAddsFirstCertificates(one, PlanOf({again})));
  DesiredState edited = StateOf({first});
  edited.sites = {SiteOf("www.example.test", "other")};
  EXPECT_FALSE(OnlyAddsFirstCertificates(none, *MakePlan(edited, kNow)));
}

TEST(PlannerTest, NamesTheCertificatesThatChanged) {
  const auto first = LineageOf("www.example.test", {"www.example.test"}, 'a', kDay, kDay);
  auto again = first;
  again.leaf_sha256 = std::string(64, 'b');
  EXPECT_EQ(ChangedCertificates(PlanOf({}), PlanOf({first})).size(), 1u);
  EXPECT_EQ(ChangedCertificates(PlanOf({first}), PlanOf({again})).size(), 1u);
  EXPECT_TRUE(ChangedCertificates(PlanOf({first}), PlanOf({first})).empty());
}

TEST(PlannerTest, NamesTheSitesThatChangedAndWhomToAsk) {
  DesiredState state = StateOf({});
  state.sites.push_back(SiteOf("other.example.test"));
  const Plan before = *MakePlan(state, kNow);
  EXPECT_EQ(ChangedSites(Plan(), before).size(), 2u);
  EXPECT_TRUE(ChangedSites(before, before).empty());
  state.sites[0] = SiteOf("www.example.test", "changed");
  const Plan after = *MakePlan(state, kNow);
  const auto changed = ChangedSites(before, after);
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0].host, Host("www.example.test"));
  EXPECT_TRUE(SiteMarkTag::Check(changed[0].mark).ok());
  EXPECT_EQ(ChangedSites(after, before)[0].host, changed[0].host);
  EXPECT_NE(ChangedSites(after, before)[0].mark, changed[0].mark);
}

TEST(PlannerTest, ASiteIsAskedAtItsFirstHostWithACertificate) {
  DesiredState state = StateOf({LineageOf("b.example.test", {"b.example.test"}, 'a', kDay, kDay)});
  state.sites[0].hosts = {Host("a.example.test"), Host("b.example.test")};
  EXPECT_EQ(MakePlan(state, kNow)->sites[0].host, Host("b.example.test"));
  state.certificates.clear();
  EXPECT_EQ(MakePlan(state, kNow)->sites[0].host, Host("a.example.test"));
}

TEST(PlannerTest, AStoredPlanComesBackAsItWas) {
  const Plan plan = PlanOf({LineageOf("www.example.test", {"www.example.test"}, 'a', kDay, kDay)});
  const auto again = PlanFromStored(plan.shared, {NodeOf("ams1", "ams")});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->shared.Digest(), plan.shared.Digest());
  EXPECT_EQ(again->served, plan.served);
  EXPECT_EQ(again->node_parts.size(), 1u);
}

TEST(PlannerTest, AStoredPlanThatDoesNotParseSaysSo) {
  snapshot::Snapshot shared;
  shared.Put({"certificate", "www.example.test"}, std::string("\xff\xff\xff"));
  EXPECT_EQ(PlanFromStored(shared, {}).status().message(),
            "stored certificate www.example.test does not parse");
}

TEST(PlannerTest, ARollbackGoesBackToWhatWorked) {
  const auto old = LineageOf("www.example.test", {"www.example.test"}, 'o', kDay, kDay);
  const auto fresh = LineageOf("www.example.test", {"www.example.test"}, 'f', kDay, kDay * 90);
  EXPECT_EQ(LeafFor(RollbackPlan(PlanOf({old}), PlanOf({fresh}), kNow), "www.example.test"), "o");
}

TEST(PlannerTest, NoRollbackGoesBackToAnEndedCertificate) {
  const auto ended = LineageOf("www.example.test", {"www.example.test"}, 'e', kDay * 90, -kDay);
  const auto fresh = LineageOf("www.example.test", {"www.example.test"}, 'f', kDay, kDay * 90);
  const Plan plan = RollbackPlan(PlanOf({ended}), PlanOf({fresh}), kNow);
  EXPECT_EQ(LeafFor(plan, "www.example.test"), "f");
  const auto stored = PlanFromStored(plan.shared, {});
  EXPECT_EQ(stored->served, plan.served);
}

// The newer certificate of the name may be one of another lineage.
TEST(PlannerTest, NoRollbackGoesBackToAnEndedCertificateWhoseNameAnotherLineageCovers) {
  const auto ended = LineageOf("www.example.test", {"www.example.test"}, 'e', kDay * 90, -kDay);
  const auto other =
      LineageOf("b.example.test", {"b.example.test", "www.example.test"}, 'f', kDay, kDay * 90);
  const Plan plan = RollbackPlan(PlanOf({ended}), PlanOf({ended, other}), kNow);
  EXPECT_EQ(LeafFor(plan, "www.example.test"), "f");
  EXPECT_EQ(PlanFromStored(plan.shared, {})->served, plan.served);
}

TEST(WavesTest, ReadsNumbersAndParts) {
  EXPECT_EQ(WaveSize::Parse("10%")->Reach(30), 3);
  EXPECT_EQ(WaveSize::Parse("10%")->Reach(1), 1);
  EXPECT_EQ(WaveSize::Parse("10%")->Reach(15), 1);
  EXPECT_EQ(WaveSize::Parse("10%")->Reach(16), 2);
  EXPECT_EQ(WaveSize::Parse("50%")->Reach(3), 1) << "never the larger half";
  EXPECT_EQ(WaveSize::Parse("50%")->Reach(4), 2);
  EXPECT_EQ(WaveSize::Parse("100%")->Reach(7), 7);
  EXPECT_EQ(WaveSize::Parse("5")->Reach(3), 3);
  for (const char* bad : {"", "0", "-1", "101%", "x", "1 ", "%"}) {
    EXPECT_FALSE(WaveSize::Parse(bad).ok()) << bad;
  }
}

TEST(WavesTest, MixesThePopsAndTakesEveryNodeOnce) {
  std::vector<model::Node> nodes;
  for (const char* name : {"ams1", "ams2", "ams3"}) nodes.push_back(NodeOf(name, "ams"));
  for (const char* name : {"fra1", "fra2", "nyc1"}) {
    nodes.push_back(NodeOf(name, std::string(name).substr(0, 3)));
  }
  const auto waves = MakeWaves(nodes, {{1, 0}, {0, 50}});
  ASSERT_EQ(waves.size(), 3u);
  EXPECT_EQ(waves[0].size(), 1u);
  EXPECT_EQ(waves[1].size(), 2u);
  EXPECT_EQ(waves[1], (std::vector<NodeName>{*NodeName::Parse("fra1"), *NodeName::Parse("nyc1")}));
  EXPECT_EQ(waves[2].size(), 3u);
  EXPECT_TRUE(MakeWaves({}, {{1, 0}}).empty());
}

}  // namespace
}  // namespace lockstep::controller::planner
