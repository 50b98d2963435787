// The session stream, both ends of it real.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/integration/agent_session/rig.h"

namespace lockstep::agent::app {
namespace {

class AgentSessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    rig.StartController();
    rig.GiveIdentity();
    rig.StartAgent();
    rig.domain.WaitForHello(1);
  }
  v1::LaneSet LaneOf(uint64_t sequence, const std::vector<std::string>& tokens) {
    v1::LaneSet set;
    set.set_sequence(sequence);
    set.mutable_lease()->set_seconds(60);
    for (const std::string& token : tokens) {
      types::v1::Challenge* challenge = set.add_challenges();
      challenge->set_order("o-0123456789abcdef");
      challenge->set_host("www.example.test");
      challenge->set_token(token);
      challenge->set_key_authorization(token + "." + fakes::FakePublisher::Thumbprint());
    }
    return set;
  }
  Rig rig;
};

TEST_F(AgentSessionTest, APushIsAppliedProvedAndAcknowledged) {
  const snapshot::Snapshot snapshot = rig.publisher.MakeSnapshot({{}});
  const v1::Push push = rig.publisher.MakePush(snapshot, 1);
  rig.Push(push);
  const v1::Ack ack = rig.domain.WaitForAck(push.push_id());
  EXPECT_EQ(ack.outcome(), v1::Ack::OUTCOME_APPLIED) << ack.reason();
  EXPECT_EQ(ack.generation(), 1u);
  EXPECT_EQ(ack.serving_digest(), snapshot.Digest());
  EXPECT_EQ(ack.observations_size(), 6);  // TLS, QUIC and the site on two service addresses
  ASSERT_TRUE(rig.driver->serving());
  EXPECT_EQ(rig.driver->serving()->sites.size(), 1u);
}

TEST_F(AgentSessionTest, AThousandSitesWithCertificatesPassInPiecesAndAreProved) {
  std::vector<fakes::SampleSite> sites;
  for (int i = 0; i < 1000; ++i) {
    sites.push_back({.host = "s" + std::to_string(i) + ".example.test",
                     .body = std::string(4000, static_cast<char>('a' + i % 26))});
  }
  const v1::Push push = rig.publisher.MakePush(rig.publisher.MakeSnapshot(sites), 1);
  ASSERT_GT(push.ByteSizeLong(), 4'000'000u);
  rig.Push(push);
  const v1::Ack ack = rig.domain.WaitForAck(push.push_id());
  EXPECT_EQ(ack.outcome(), v1::Ack::OUTCOME_APPLIED) << ack.reason();
  EXPECT_EQ(ack.observations_size(), 6000);
}

TEST_F(AgentSessionTest, ALaneSetIsServedLookedAtAndRemovedAgain) {
  const v1::Push push = rig.publisher.MakePush(rig.publisher.MakeSnapshot({{}}), 1);
  rig.Push(push);
  rig.domain.WaitForAck(push.push_id());
  const std::string token = "aaaaaaaaaaaaaaaaaaaaaa";
  rig.SendLane(LaneOf(1, {token}));
  const v1::LaneAck ack =
      rig.domain
          .WaitFor([](const auto& m) { return m.has_lane_ack() && m.lane_ack().sequence() == 1; })
          .lane_ack();
  EXPECT_EQ(ack.error(), "");
  ASSERT_EQ(ack.observations_size(), 2);
  EXPECT_EQ(ack.observations(0).http().status(), 200u);
  EXPECT_EQ(ack.observations(0).http().body_sha256(),
            crypto::Sha256(token + "." + fakes::FakePublisher::Thumbprint()));
  EXPECT_TRUE(std::filesystem::exists(rig.directory / "challenges/" + token));

  rig.SendLane(LaneOf(2, {}));
  const v1::LaneAck gone =
      rig.domain
          .WaitFor([](const auto& m) { return m.has_lane_ack() && m.lane_ack().sequence() == 2; })
          .lane_ack();
  ASSERT_EQ(gone.observations_size(), 2);
  EXPECT_EQ(gone.observations(0).http().status(), 404u);
  EXPECT_FALSE(std::filesystem::exists(rig.directory / "challenges/" + token));
}

TEST_F(AgentSessionTest, HeartbeatsSayWhatIsServed) {
  const v1::Push push = rig.publisher.MakePush(rig.publisher.MakeSnapshot({{}}), 7);
  rig.Push(push);
  rig.domain.WaitForAck(push.push_id());
  rig.domain.WaitFor(
      [](const auto& m) { return m.has_heartbeat() && m.heartbeat().serving_generation() == 7; });
}

TEST_F(AgentSessionTest, AfterAReconnectItSaysWhatItHasAndRepeatsItsAnswer) {
  const snapshot::Snapshot snapshot = rig.publisher.MakeSnapshot({{}});
  const v1::Push push = rig.publisher.MakePush(snapshot, 1);
  rig.Push(push);
  rig.domain.WaitForAck(push.push_id());
  rig.StopController();
  const size_t before = rig.domain.count();
  rig.StartController();
  const v1::Hello hello = rig.domain.WaitForHello(2);
  EXPECT_EQ(hello.serving_generation(), 1u);
  EXPECT_EQ(hello.serving_digest(), snapshot.Digest());
  EXPECT_EQ(hello.seen().manifest(), push.manifest().manifest());
  const v1::Ack repeated = rig.domain.WaitForAck(0, before);
  EXPECT_EQ(repeated.generation(), 1u);
  EXPECT_EQ(repeated.observations_size(), 6);
}

TEST_F(AgentSessionTest, ARestartedAgentServesFromDiskWithTheControllerGone) {
  const snapshot::Snapshot snapshot = rig.publisher.MakeSnapshot({{}});
  const v1::Push push = rig.publisher.MakePush(snapshot, 1);
  rig.Push(push);
  rig.domain.WaitForAck(push.push_id());
  rig.agent.reset();
  rig.StopController();
  const auto began = std::chrono::steady_clock::now();
  rig.StartAgent();
  while (!rig.driver->serving() &&
         std::chrono::steady_clock::now() - began < std::chrono::seconds(5)) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(rig.driver->serving());
  EXPECT_EQ(rig.driver->serving()->certificates[0].leaf_sha256,
            fakes::FakePublisher::LeafOf(fakes::SampleSite{}));
  // And once it is back it is told so, with fresh evidence when it asks.
  const size_t before = rig.domain.count();
  rig.StartController();
  EXPECT_EQ(rig.domain.WaitForHello(2).serving_digest(), snapshot.Digest());
  v1::ControllerMessage ask;
  ask.mutable_proof_request();
  rig.domain.WaitFor([](const auto& m) { return m.has_heartbeat(); }, before);
  EXPECT_TRUE(rig.sessions->Send(rig.publisher.node(), ask).ok());
  rig.domain.WaitFor(
      [](const auto& m) { return m.has_proof_report() && m.proof_report().complete(); }, before);
}

TEST_F(AgentSessionTest, AWitnessLooksAtPeersOnly) {
  const v1::Push push = rig.publisher.MakePush(rig.publisher.MakeSnapshot({{}}), 1);
  rig.Push(push);
  rig.domain.WaitForAck(push.push_id());
  const auto ask = [&](uint64_t id, const std::string& address) {
    v1::ControllerMessage message;
    v1::WitnessRequest* request = message.mutable_witness_request();
    request->set_request_id(id);
    request->set_subject("ams1");
    request->mutable_deadline()->set_seconds(5);
    v1::WitnessTarget* target = request->add_targets();
    target->set_kind(types::v1::PROBE_KIND_TLS);
    target->set_address(address);
    target->set_host("www.example.test");
    EXPECT_TRUE(rig.sessions->Send(rig.publisher.node(), message).ok());
    return rig.domain
        .WaitFor([&](const auto& m) {
          return m.has_witness_report() && m.witness_report().request_id() == id;
        })
        .witness_report();
  };
  EXPECT_EQ(ask(1, "10.77.1.2").observations_size(), 1);
  EXPECT_EQ(ask(2, "169.254.169.254").refused(),
            "targets[0]: 169.254.169.254 is no address of ams1");
}

}  // namespace
}  // namespace lockstep::agent::app
