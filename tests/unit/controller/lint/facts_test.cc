// What is known of a site before anybody has looked, and what the DNS adds to it.
#include "controller/lint/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/lint/dns_answers.h"
#include "tests/fakes/publish_rig.h"

namespace lockstep::controller::lint {
namespace {

using fakes::Host;
using fakes::Ip;
using fakes::Node;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr char kName[] = "www.example.test";

model::Node NodeAt(const std::string& name, const std::vector<std::string>& addresses) {
  model::Node out;
  out.name = Node(name);
  out.pop = *PopName::Parse(name.substr(0, name.size() - 1));
  for (const std::string& address : addresses) out.addresses.push_back(Ip(address));
  return out;
}

class FactsTest : public testing::Test {
 protected:
  SiteFacts Facts(const std::vector<model::Node>& nodes = {}) const {
    return FactsOf(fakes::SiteOf(kName), {}, policy, nodes, {Ip("203.0.113.10")}, WallTime());
  }
  // A record of the host that points to `target`, which has these addresses.
  static DnsAnswer PointingTo(const std::string& target, const std::vector<IpAddress>& addresses) {
    dns::ServiceBinding record;
    record.priority = 1;
    record.target = target;
    record.alpn = {"h2", "h3"};
    return {Host(kName), {}, {record}, {}, {{target, addresses}}};
  }

  model::EdgePolicy policy;
};

TEST_F(FactsTest, AnAddressIsTheNodesThatHasItOrOffersIt) {
  policy.nodes[Node("ams1")].preferred_v4 = {Ip("198.51.100.7"), Ip("10.77.0.1")};
  const SiteFacts facts = Facts({NodeAt("ams1", {"10.77.0.1"}), NodeAt("fra1", {"10.77.0.2"})});
  EXPECT_THAT(facts.owners, UnorderedElementsAre(Pair(Ip("10.77.0.1"), Node("ams1")),
                                                 Pair(Ip("198.51.100.7"), Node("ams1")),
                                                 Pair(Ip("10.77.0.2"), Node("fra1"))));
  EXPECT_THAT(facts.input.node_names, ElementsAre("ams1", "fra1"));
}

TEST_F(FactsTest, AServiceAddressIsNoNodesOwn) {
  EXPECT_THAT(Facts({NodeAt("ams1", {"203.0.113.10"})}).owners, IsEmpty());
}

TEST_F(FactsTest, ASitesFloorLiftsTheFleetsCeiling) {
  policy.fleet.alt_svc_ceiling = std::chrono::minutes(10);
  policy.sites[kName].alt_svc_floor = std::chrono::minutes(30);
  EXPECT_EQ(Facts().input.floor, Seconds(1800));
  EXPECT_EQ(Facts().input.ceiling, Seconds(1800));
}

TEST_F(FactsTest, MigrationIsWantedAsTheSitesPolicySays) {
  EXPECT_TRUE(Facts().input.wants_migration_disabled);
  policy.sites[kName].disable_active_migration = false;
  EXPECT_FALSE(Facts().input.wants_migration_disabled);
}

TEST_F(FactsTest, ATargetWithAddressesOfOneNodeIsThatNodesName) {
  SiteFacts facts = Facts({NodeAt("ams1", {"10.77.0.1"}), NodeAt("fra1", {"10.77.0.2"})});
  AddDns({PointingTo("a.example.test", {Ip("10.77.0.1")})}, &facts);
  EXPECT_THAT(facts.input.node_names, ElementsAre("ams1", "fra1", "a.example.test"));
}

TEST_F(FactsTest, ATargetWithAddressesOfSeveralNodesOrOfOthersIsNoNodesName) {
  SiteFacts facts = Facts({NodeAt("ams1", {"10.77.0.1"}), NodeAt("fra1", {"10.77.0.2"})});
  AddDns({PointingTo("both.example.test", {Ip("10.77.0.1"), Ip("10.77.0.2")}),
          PointingTo("other.example.test", {Ip("10.77.0.1"), Ip("192.0.2.1")})},
         &facts);
  EXPECT_THAT(facts.input.node_names, ElementsAre("ams1", "fra1"));
}

TEST_F(FactsTest, ARecordThatNamesItsOwnerPointsToItself) {
  SiteFacts facts = Facts();
  AddDns({PointingTo(kName, {})}, &facts);
  ASSERT_EQ(facts.input.https.size(), 1u);
  EXPECT_EQ(facts.input.https[0].target, ".");
}

TEST_F(FactsTest, ARecordThatIsAnAliasIsNotLookedInto) {
  DnsAnswer alias = PointingTo("cdn.example.test", {});
  alias.https[0].priority = 0;
  SiteFacts facts = Facts();
  AddDns({alias}, &facts);
  EXPECT_THAT(facts.input.https, IsEmpty());
  EXPECT_THAT(facts.not_looked_at,
              ElementsAre(HasSubstr("they are those of \"cdn.example.test\"")));
}

}  // namespace
}  // namespace lockstep::controller::lint
