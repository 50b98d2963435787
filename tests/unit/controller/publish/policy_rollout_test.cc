// An edge policy on its way through the fleet.
#include <gtest/gtest.h>

#include "controller/publish/publisher.h"
#include "tests/fakes/publish_rig.h"

namespace lockstep::controller::publish {
namespace {

using fakes::CertificateOf;
using fakes::Node;
using fakes::SiteOf;
using model::QuicServer;

const std::vector<std::string> kNodes = {"ams1", "fra1"};
constexpr char kHost[] = "www.example.test";

class PolicyRolloutTest : public ::testing::Test {
 protected:
  PolicyRolloutTest() {
    rig_.Enrol(kNodes);
    for (const std::string& name : kNodes) EXPECT_TRUE(rig_.Connect(name).ok());
    rig_.desired.sites = {SiteOf(kHost)};
    model::QuicKeys keys;
    keys.connection_id.bytes = std::string(16, 'c');
    keys.token_current.bytes = std::string(32, 't');
    keys.ticket_current.bytes = std::string(64, '1');
    keys.ticket_next.bytes = std::string(64, '2');
    rig_.desired.quic_keys = keys;
    EXPECT_EQ(rig_.Change(), 1u);
    rig_.Settle(kNodes);
  }
  void Serve(const std::string& node, QuicServer server) {
    rig_.desired.policy.nodes[Node(node)].settings.quic_server = server;
  }
  std::string ServerIn(const std::string& node) const {
    const agent::v1::Push push = rig_.link.PushesTo(Node(node)).back();
    for (const auto& resource : push.upserts()) {
      types::v1::NodeSettings settings;
      if (resource.type() == "node" && settings.ParseFromString(resource.body())) {
        return types::v1::QuicServer_Name(settings.quic_server());
      }
    }
    return "not in the push";
  }

  fakes::PublishRig rig_;
};

TEST_F(PolicyRolloutTest, AnotherServerOnOneNodeIsAGenerationThatRemembersIt) {
  Serve("fra1", QuicServer::kNone);
  EXPECT_EQ(rig_.Change(), 2u);
  rig_.Settle(kNodes);
  EXPECT_EQ(rig_.publisher.proved_generation(), 2u);
  EXPECT_EQ(ServerIn("fra1"), "QUIC_SERVER_NONE");
  EXPECT_EQ(ServerIn("ams1"), "not in the push");
  std::vector<std::string> nodes;
  const model::Generation stored = rig_.Stored(2);
  for (const auto& resource : stored.resources) {
    if (resource.type == "node") nodes.push_back(resource.name);
  }
  EXPECT_EQ(nodes, std::vector<std::string>{"fra1"});
  EXPECT_EQ(rig_.Change(), 2u);
}

TEST_F(PolicyRolloutTest, ANodeThatRefusesItsServerGetsTheOldOneBack) {
  Serve("ams1", QuicServer::kNone);
  EXPECT_EQ(rig_.Change(), 2u);
  rig_.Apply("ams1");
  EXPECT_EQ(ServerIn("ams1"), "QUIC_SERVER_NONE");
  rig_.state.AdvanceBy(Seconds(1));
  ASSERT_EQ(rig_.PushedTo("fra1"), 2u);
  rig_.Answer("fra1", agent::v1::Ack::OUTCOME_REJECTED, "no");
  EXPECT_EQ(rig_.StateOf(2), model::GenerationState::kRolledBack);
  EXPECT_EQ(rig_.PushedTo("ams1"), 3u);
  EXPECT_EQ(ServerIn("ams1"), "QUIC_SERVER_UNSPECIFIED");
}

TEST_F(PolicyRolloutTest, KeysAreHeldByAllOnceEveryAnnouncingNodeServesThem) {
  const model::QuicKeys keys = *rig_.desired.quic_keys;
  ASSERT_NE(rig_.publisher.FindServedByAll(), nullptr);
  EXPECT_FALSE(planner::CarriesQuicKeys(*rig_.publisher.FindServedByAll(), keys));
  Serve("fra1", QuicServer::kQuicd);
  rig_.Change();
  EXPECT_EQ(rig_.publisher.FindServedByAll(), nullptr);
  rig_.Settle(kNodes);
  ASSERT_NE(rig_.publisher.FindServedByAll(), nullptr);
  EXPECT_TRUE(planner::CarriesQuicKeys(*rig_.publisher.FindServedByAll(), keys));
  // Away counts as announcing, and what it serves is not known.
  rig_.Disconnect("ams1");
  EXPECT_EQ(rig_.publisher.FindServedByAll(), nullptr);
}

TEST_F(PolicyRolloutTest, ASwitchToQuicdIsProvedByWhatItsHandshakesShow) {
  rig_.desired.certificates = {CertificateOf(kHost, {kHost}, 'a', rig_.clock.Now())};
  rig_.Change();
  for (int i = 0; i < 4; ++i) {
    for (const std::string& name : kNodes) {
      if (rig_.publisher.AppliedBy(Node(name)) != rig_.PushedTo(name)) rig_.Apply(name);
      rig_.Show(name, {{{kHost, std::string(64, 'a')}}, {}});
    }
    rig_.state.AdvanceBy(Seconds(1));
  }
  ASSERT_EQ(rig_.publisher.proved_generation(), 2u);
  Serve("ams1", QuicServer::kQuicd);
  EXPECT_EQ(rig_.Change(), 3u);
  rig_.Apply("ams1");
  rig_.Show("ams1", {{{kHost, std::string(64, 'a')}}, {}});  // Caddy still answers
  const auto progress = rig_.publisher.FindProgress();
  ASSERT_TRUE(progress.has_value());
  EXPECT_NE(progress->problem.find("tells clients disable_active_migration false, not true"),
            std::string::npos)
      << progress->problem;
  EXPECT_EQ(rig_.PushedTo("fra1"), 2u);
}

// Of TCP alone; what is there of QUIC is silence or a refusal.
void ShowTls(fakes::PublishRig* rig, const std::string& name, char leaf) {
  const auto see = [&](const std::string& address) {
    return fakes::SeenTls(types::v1::PROBE_KIND_TLS, kHost, address, std::string(64, leaf));
  };
  agent::v1::AgentMessage message;
  for (const char* address : {fakes::FleetRig::kService4, fakes::FleetRig::kService6}) {
    *message.mutable_proof_report()->add_observations() = see(address);
  }
  rig->Say(name, message);
  const auto* live = rig->fleet.Find(Node(name));
  for (const IpAddress& address : live->node.addresses) {
    rig->fleet.RecordWitnessed(live->node.name, live->boot_id, "witness", see(address.ToString()));
  }
}

TEST_F(PolicyRolloutTest, ACertificateWaitsForNoQuicOfANodeThatRefusesItAsItWasTold) {
  rig_.desired.certificates = {CertificateOf(kHost, {kHost}, 'a', rig_.clock.Now())};
  rig_.Change();
  agent::v1::AgentMessage follows;
  follows.mutable_heartbeat()->mutable_announce()->set_following(
      agent::v1::AnnounceState::FOLLOWING_WITHDRAWN);
  rig_.Say("fra1", follows);
  const auto pass = [this] {
    for (int i = 0; i < 4; ++i) {
      for (const std::string& name : kNodes) {
        if (rig_.publisher.AppliedBy(Node(name)) != rig_.PushedTo(name)) rig_.Apply(name);
      }
      rig_.Show("ams1", {{{kHost, std::string(64, 'a')}}, {}});
      ShowTls(&rig_, "fra1", 'a');
      rig_.state.AdvanceBy(Seconds(1));
    }
  };
  pass();
  EXPECT_EQ(rig_.publisher.proved_generation(), 1u) << "nobody told it to";
  rig_.fleet.SetMarked({Node("fra1")});
  pass();
  EXPECT_EQ(rig_.publisher.proved_generation(), 2u);
}

}  // namespace
}  // namespace lockstep::controller::publish
