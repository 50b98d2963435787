#include "controller/planner/edge.h"

#include <gtest/gtest.h>

#include "controller/planner/planner.h"
#include "tests/fakes/fake_clock.h"

namespace lockstep::controller::planner {
namespace {

using model::QuicServer;
using model::Situation;

const WallTime kNow = fakes::FakeClock().Now();

IpAddress Ip(const std::string& text) { return IpAddress::Parse(text).value(); }
NodeName Name(const std::string& text) { return NodeName::Parse(text).value(); }
PopName Pop(const std::string& text) { return PopName::Parse(text).value(); }

model::Node NodeOf(const std::string& name, const std::string& pop) {
  model::Node node;
  node.name = Name(name);
  node.pop = Pop(pop);
  node.addresses = {Ip("10.77.1.2"), Ip("10.77.1.3"), Ip("fd77:1::2")};
  return node;
}
model::EdgePolicy FleetOf(const model::EdgeSettings& settings) {
  model::EdgePolicy policy;
  policy.fleet = settings;
  return policy;
}
const model::EdgeSettings kQuicd{.quic_server = QuicServer::kQuicd};

DesiredState StateOf(model::EdgePolicy policy) {
  DesiredState state;
  state.service_addresses = {Ip("203.0.113.10")};
  state.nodes = {NodeOf("ams1", "ams"), NodeOf("fra1", "fra")};
  model::Site site;
  site.name = "www";
  site.hosts = {*Hostname::Parse("www.example.test")};
  site.content = model::Preset{};
  state.sites = {site};
  state.policy = std::move(policy);
  model::QuicKeys keys;
  keys.connection_id = {std::string(16, 'c'), kNow};
  keys.token_current = {std::string(32, 't'), kNow};
  keys.ticket_current = {std::string(64, '1'), kNow};
  keys.ticket_next = {std::string(64, '2'), kNow};
  state.quic_keys = keys;
  return state;
}
types::v1::NodeSettings SettingsOf(const Plan& plan, const std::string& node) {
  types::v1::NodeSettings out;
  EXPECT_TRUE(out.ParseFromString(*plan.node_parts.at(Name(node))));
  return out;
}
types::v1::Site SiteIn(const Plan& plan) {
  types::v1::Site out;
  EXPECT_TRUE(out.ParseFromString(*plan.shared.Find({"site", "www"})->body));
  return out;
}

TEST(EdgeTest, WithoutAPolicyCaddyServesAndNothingIsCarried) {
  DesiredState bare = StateOf({});
  bare.quic_keys.reset();
  const Plan plan = *MakePlan(bare, kNow);
  EXPECT_EQ(plan.Digest(), MakePlan(StateOf({}), kNow)->Digest());
  EXPECT_EQ(plan.Digest(), plan.shared.Digest());
  EXPECT_EQ(plan.shared.CountOf("quic_keys"), 0u);
  EXPECT_FALSE(SiteIn(plan).has_quic());
  EXPECT_EQ(SettingsOf(plan, "fra1").quic_server(), types::v1::QUIC_SERVER_UNSPECIFIED);
  EXPECT_TRUE(plan.StoredNodeParts().empty());
}

TEST(EdgeTest, TheMostSpecificLevelWinsAndSaysWhichItWas) {
  model::EdgePolicy policy = FleetOf(kQuicd);
  policy.pops[Pop("fra")].quic_server = QuicServer::kNone;
  policy.nodes[Name("fra2")].settings.quic_server = QuicServer::kCaddy;
  const auto server = [&](const std::string& node, const std::string& pop) {
    return ResolveNode(policy, NodeOf(node, pop)).quic_server;
  };
  EXPECT_EQ(server("ams1", "ams"),
            (Resolved<QuicServer>{QuicServer::kQuicd, std::string("fleet"), true}));
  EXPECT_EQ(server("fra1", "fra"),
            (Resolved<QuicServer>{QuicServer::kNone, std::string("pop fra"), true}));
  EXPECT_EQ(server("fra2", "fra"),
            (Resolved<QuicServer>{QuicServer::kCaddy, std::string("node fra2"), true}));
  EXPECT_EQ(ResolveNode({}, NodeOf("ams1", "ams")).quic_server,
            (Resolved<QuicServer>{QuicServer::kCaddy, std::string("default"), false}));
}

TEST(EdgeTest, ASituationReplacesWhatLessSpecificLevelsSaid) {
  model::EdgePolicy policy = FleetOf({.preferred_address = true});
  policy.pops[Pop("par")].situation = Situation::kEmbedded;
  policy.nodes[Name("par2")].settings.preferred_address = true;
  EXPECT_EQ(ResolveNode(policy, NodeOf("par1", "par")).preferred_address,
            (Resolved<bool>{false, std::string("pop par, from its situation"), false}));
  EXPECT_EQ(ResolveNode(policy, NodeOf("par2", "par")).preferred_address,
            (Resolved<bool>{true, std::string("node par2"), true}));
  EXPECT_EQ(ResolveNode(policy, NodeOf("ams1", "ams")).preferred_address,
            (Resolved<bool>{true, std::string("fleet"), true}));
}

TEST(EdgeTest, AtOneLevelWhatIsSaidWinsOverWhatFollows) {
  model::EdgePolicy policy;
  policy.sites["www"] = {.situation = Situation::kFourTupleLb, .disable_active_migration = false};
  const SiteEdge edge = ResolveSite(policy, "www");
  EXPECT_FALSE(edge.disable_active_migration.value);
  EXPECT_TRUE(edge.disable_active_migration.is_asked);
  EXPECT_EQ(edge.idle_timeout.value, Seconds(20));
  EXPECT_EQ(edge.idle_timeout.from, "site www, from its situation");
  EXPECT_TRUE(ResolveSite(policy, "other").disable_active_migration.value);
}

TEST(EdgeTest, WhereClientsMustNotRoamNoAddressFollows) {
  for (const Situation situation : {Situation::kHyperLocal, Situation::kEmbedded}) {
    EXPECT_FALSE(ConsequencesOf(situation).preferred_address);
    EXPECT_TRUE(ConsequencesOf(situation).disable_active_migration);
  }
  for (const Situation situation :
       {Situation::kAnycast, Situation::kFourTupleLb, Situation::kTwoTupleLb}) {
    EXPECT_TRUE(ConsequencesOf(situation).preferred_address);
    EXPECT_TRUE(ConsequencesOf(situation).disable_active_migration);
  }
}

TEST(EdgeTest, AQuicdNodeGetsItsIdAndItsAddresses) {
  model::EdgePolicy policy = FleetOf(kQuicd);
  policy.nodes[Name("fra1")].preferred_v4 =
      model::PreferredAddress{Ip("192.0.2.7"), Ip("10.77.1.3")};
  policy.pops[Pop("ams")].situation = Situation::kEmbedded;
  const Plan plan = *MakePlan(StateOf(policy), kNow);
  const auto fra1 = SettingsOf(plan, "fra1");
  EXPECT_EQ(fra1.quic_server(), types::v1::QUIC_SERVER_QUICD);
  EXPECT_EQ(fra1.quic_identity().server_id(), ServerIdOf(Name("fra1")));
  EXPECT_EQ(fra1.quic_identity().server_id().size(), 8u);
  ASSERT_EQ(fra1.quic_identity().preferred_addresses_size(), 2);
  EXPECT_EQ(fra1.quic_identity().preferred_addresses(0).advertised(), "192.0.2.7");
  EXPECT_EQ(fra1.quic_identity().preferred_addresses(0).bound(), "10.77.1.3");
  EXPECT_EQ(fra1.quic_identity().preferred_addresses(1).advertised(), "fd77:1::2");
  EXPECT_EQ(fra1.quic_identity().preferred_addresses(1).bound(), "");
  EXPECT_EQ(SettingsOf(plan, "ams1").quic_identity().preferred_addresses_size(), 0);
}

TEST(EdgeTest, WitnessesFindAQuicdNodeOnAllOfItsAddressesWhateverClientsAreTold) {
  model::EdgePolicy policy = FleetOf(kQuicd);
  policy.nodes[Name("fra1")].preferred_v4 =
      model::PreferredAddress{Ip("192.0.2.7"), Ip("10.77.1.3")};
  policy.pops[Pop("ams")].situation = Situation::kEmbedded;
  const Plan plan = *MakePlan(StateOf(policy), kNow);
  const auto witnessed = [&](const char* node) {
    std::vector<std::string> out;
    const auto settings = SettingsOf(plan, node);
    for (const auto& own : settings.quic_identity().witnessed_addresses()) {
      out.push_back(own.advertised() + (own.bound().empty() ? "" : " at " + own.bound()));
    }
    return out;
  };
  using Addresses = std::vector<std::string>;
  EXPECT_EQ(witnessed("ams1"), (Addresses{"10.77.1.2", "fd77:1::2", "10.77.1.3"}));
  EXPECT_EQ(witnessed("fra1"), Addresses{"10.77.1.2"}) << "the others are offered to clients";
  policy.fleet.preferred_address = false;
  EXPECT_EQ(SettingsOf(*MakePlan(StateOf(policy), kNow), "fra1")
                .quic_identity()
                .witnessed_addresses(0)
                .bound(),
            "10.77.1.3")
      << "behind 1:1 NAT the server is bound elsewhere all the same";
}

TEST(EdgeTest, WithOneQuicdNodeKeysAndSitePoliciesAreCarried) {
  model::EdgePolicy policy;
  policy.nodes[Name("fra1")].settings.quic_server = QuicServer::kQuicd;
  policy.sites["www"].idle_timeout = Millis(1500);
  const Plan plan = *MakePlan(StateOf(policy), kNow);
  types::v1::QuicKeys keys;
  ASSERT_TRUE(keys.ParseFromString(*plan.shared.Find({"quic_keys", "quic_keys"})->body));
  EXPECT_EQ(keys.connection_id_keys(0).key(), std::string(16, 'c'));
  EXPECT_EQ(keys.token_keys_size(), 1);
  EXPECT_EQ(keys.ticket_next(), std::string(64, '2'));
  EXPECT_EQ(keys.ticket_previous(), "");
  const auto quic = SiteIn(plan).quic();
  EXPECT_TRUE(quic.disable_active_migration());
  EXPECT_TRUE(quic.use_preferred_address());
  EXPECT_EQ(quic.idle_timeout().seconds(), 1);
  EXPECT_EQ(quic.idle_timeout().nanos(), 500'000'000);
  DesiredState keyless = StateOf(policy);
  keyless.quic_keys.reset();
  EXPECT_EQ(MakePlan(keyless, kNow).status().code(), Code::kFailedPrecondition);
}

TEST(EdgeTest, TwoNodesOfOneIdAreRefusedByName) {
  EXPECT_TRUE(CheckServerIds({{Name("ams1"), "11111111"}, {Name("fra1"), "22222222"}}).ok());
  EXPECT_EQ(CheckServerIds({{Name("ams1"), "11111111"}, {Name("fra1"), "11111111"}}).ToString(),
            "FAILED_PRECONDITION: nodes ams1 and fra1 would have the same id in QUIC connection "
            "IDs; enroll one of them under another name");
}

TEST(EdgeTest, AChangeOfOneNodesServerChangesThePlanAndComesBackFromTheStore) {
  model::EdgePolicy policy;
  policy.nodes[Name("fra1")].settings.quic_server = QuicServer::kNone;
  const Plan before = *MakePlan(StateOf({}), kNow);
  const Plan after = *MakePlan(StateOf(policy), kNow);
  EXPECT_EQ(before.shared.Digest(), after.shared.Digest());
  EXPECT_NE(before.Digest(), after.Digest());
  EXPECT_FALSE(OnlyAddsFirstCertificates(before, after));

  snapshot::Snapshot stored = after.shared;
  for (const auto& [key, body] : after.StoredNodeParts()) stored.Put(key, body);
  const Plan again = *PlanFromStored(stored, StateOf({}).nodes);
  EXPECT_EQ(again.Digest(), after.Digest());
  EXPECT_EQ(again.SnapshotFor(Name("fra1"))->Digest(), after.SnapshotFor(Name("fra1"))->Digest());
  stored.Put({"node", "fra1"}, std::string("\xff\xff\xff"));
  EXPECT_EQ(PlanFromStored(stored, StateOf({}).nodes).status().code(), Code::kDataLoss);
}

TEST(EdgeTest, ThePlanSaysWhatHandshakesMustShowAndWhatToLookAtAgain) {
  const auto with_certificate = [](const model::EdgePolicy& policy) {
    DesiredState state = StateOf(policy);
    model::Certificate certificate;
    certificate.name = "www.example.test";
    certificate.hosts = state.sites[0].hosts;
    certificate.leaf_sha256 = std::string(64, 'a');
    certificate.not_before = kNow - Seconds(1);
    certificate.not_after = kNow + Seconds(1000);
    state.certificates = {certificate};
    return *MakePlan(state, kNow);
  };
  const Plan caddy = with_certificate({});
  EXPECT_TRUE(caddy.quic.empty());
  const Plan quicd = with_certificate(FleetOf(kQuicd));
  const Hostname host = *Hostname::Parse("www.example.test");
  EXPECT_EQ(quicd.quic.at(Name("fra1"))->Find(host),
            (model::QuicParameters{true, Seconds(30), {Ip("10.77.1.2"), Ip("fd77:1::2")}}));
  EXPECT_EQ(ChangedHandshakes(caddy, quicd).size(), 1u);
  EXPECT_TRUE(ChangedHandshakes(quicd, quicd).empty());
  model::EdgePolicy closed = FleetOf(kQuicd);
  closed.nodes[Name("fra1")].settings.quic_server = QuicServer::kNone;
  const Plan none = with_certificate(closed);
  EXPECT_FALSE(none.quic.at(Name("fra1"))->is_served);
  EXPECT_EQ(ChangedHandshakes(none, quicd).size(), 1u);
  EXPECT_EQ(RollbackPlan(caddy, quicd, kNow).quic.size(), 0u);
}

TEST(EdgeTest, ARollbackPutsTheNodesServersBack) {
  model::EdgePolicy policy = FleetOf(kQuicd);
  const Plan stable = *MakePlan(StateOf({}), kNow);
  DesiredState grown = StateOf(policy);
  grown.nodes.push_back(NodeOf("par1", "par"));
  const Plan failed = *MakePlan(grown, kNow);
  const Plan back = RollbackPlan(stable, failed, kNow);
  EXPECT_EQ(back.Digest(), stable.Digest());
  EXPECT_EQ(SettingsOf(back, "fra1").quic_server(), types::v1::QUIC_SERVER_UNSPECIFIED);
  // A node that joined meanwhile has no keys to run lockstep-quicd with.
  EXPECT_EQ(SettingsOf(back, "par1").quic_server(), types::v1::QUIC_SERVER_UNSPECIFIED);
  // Where there were keys, it keeps its own server.
  DesiredState small = StateOf(policy);
  const Plan quicd = *MakePlan(small, kNow);
  EXPECT_EQ(SettingsOf(RollbackPlan(quicd, failed, kNow), "par1").quic_server(),
            types::v1::QUIC_SERVER_QUICD);
}

}  // namespace
}  // namespace lockstep::controller::planner
