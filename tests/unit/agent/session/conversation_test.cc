#include "agent/session/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/manual_executor.h"
#include "tests/fakes/settle.h"
#include "tests/unit/agent/apply/rig.h"

namespace lockstep::agent::session {
namespace {

class Sent final : public Outbox {
 public:
  void Send(const v1::AgentMessage& message, Urgency urgency) override {
    messages.push_back(message);
    urgencies.push_back(urgency);
  }
  int Count(v1::AgentMessage::MessageCase kind) const {
    int count = 0;
    for (const auto& message : messages) count += message.message_case() == kind ? 1 : 0;
    return count;
  }
  v1::Heartbeat LastHeartbeat() const {
    v1::Heartbeat last;
    for (const auto& message : messages) {
      if (message.has_heartbeat()) last = message.heartbeat();
    }
    return last;
  }
  std::vector<v1::AgentMessage> messages;
  std::vector<Urgency> urgencies;
};

class ConversationTest : public ::testing::Test {
 protected:
  ConversationTest() {
    conversation.Join(
        {&queue, &lane, &witness, &sent, [this](const auto& desired, const auto& live) {
           ++rules_published;
           desired_known = desired != nullptr;
           live_count = live ? live->challenges.size() : 0;
         }});
    bool ready = false;
    queue.Start([&] { ready = true; });
    EXPECT_TRUE(Until([&] { return ready; }));
  }
  ~ConversationTest() override {
    for (task::WorkerPool* pool : {&worker, &sweeps, &writer, &looks}) pool->Stop();
  }
  bool Until(const std::function<bool()>& done) { return fakes::RunUntil(strand, done); }
  void Welcome(int64_t interval_s) {
    v1::Welcome welcome;
    welcome.mutable_heartbeat_interval()->set_seconds(interval_s);
    conversation.OnWelcome(welcome);
  }
  void Push(uint64_t generation) {
    v1::ControllerMessage message;
    *message.mutable_push() = rig.publisher.MakePush(rig.publisher.MakeSnapshot({{}}), generation);
    const int before = sent.Count(v1::AgentMessage::kAck);
    conversation.OnMessage(message);
    ASSERT_TRUE(Until([&] { return sent.Count(v1::AgentMessage::kAck) > before; }));
  }
  void SendLane(uint64_t sequence) {
    const std::string token(22, 't');
    v1::ControllerMessage message;
    message.mutable_lane_set()->set_sequence(sequence);
    message.mutable_lane_set()->mutable_lease()->set_seconds(60);
    types::v1::Challenge* one = message.mutable_lane_set()->add_challenges();
    one->set_order("o-0123456789abcdef");
    one->set_host("new.example.test");
    one->set_token(token);
    one->set_key_authorization(token + "." + fakes::FakePublisher::Thumbprint());
    conversation.OnMessage(message);
    ASSERT_TRUE(Until([&] { return sent.Count(v1::AgentMessage::kLaneAck) > 0; }));
  }

  apply::ApplierRig rig;
  fakes::ManualExecutor strand{rig.clock};
  task::WorkerPool worker{"apply", 1}, sweeps{"sweep", 1}, writer{"lane", 1}, looks{"look", 2};
  const std::string served = rig.directory / "challenges";
  challenge::Directory directory = *challenge::Directory::Open(served);
  fakes::FakeObserver eyes{rig.driver, served};
  Conversation conversation{strand,
                            {"0.1.0", std::string(16, 'b'), {*IpAddress::Parse("10.77.2.2")}}};
  apply::ApplyQueue queue{{strand, worker, sweeps, rig.observer, rig.driver, nullptr, *rig.applier},
                          conversation};
  challenge::Lane lane{{strand, writer, looks, eyes, directory}, conversation};
  witness::Witness witness{strand, looks, eyes, rig.publisher.node()};
  Sent sent;
  int rules_published = 0;
  bool desired_known = false;
  size_t live_count = 0;
};

TEST_F(ConversationTest, AHelloSaysWhoIsThereAndWhatItHas) {
  const v1::Hello fresh = conversation.MakeHello();
  EXPECT_EQ(fresh.agent_version(), "0.1.0");
  EXPECT_EQ(fresh.boot_id().size(), 16u);
  EXPECT_FALSE(fresh.has_seen());
  EXPECT_EQ(fresh.serving_digest(), "");
  EXPECT_THAT(fresh.addresses(), ::testing::ElementsAre("10.77.2.2"));
  EXPECT_THAT(fresh.capabilities(), ::testing::ElementsAre("fake/1.0", "look/site"));
  EXPECT_EQ(fresh.announce().state(), v1::AnnounceState::STATE_UNSPECIFIED);

  Welcome(10);
  Push(4);
  SendLane(9);
  const v1::Hello later = conversation.MakeHello();
  EXPECT_EQ(later.serving_generation(), 4u);
  EXPECT_EQ(later.serving_digest().size(), 32u);
  EXPECT_TRUE(later.has_seen());
  EXPECT_EQ(later.lane_sequence(), 9u);
}

TEST_F(ConversationTest, HeartbeatsFollowTheIntervalAndEndWithTheStream) {
  Welcome(10);
  EXPECT_EQ(sent.Count(v1::AgentMessage::kHeartbeat), 1);
  strand.AdvanceBy(Seconds(30));
  EXPECT_EQ(sent.Count(v1::AgentMessage::kHeartbeat), 4);
  conversation.OnDisconnected(Unavailable("gone"));
  strand.AdvanceBy(Seconds(30));
  EXPECT_EQ(sent.Count(v1::AgentMessage::kHeartbeat), 4);
  Welcome(10);
  strand.AdvanceBy(Seconds(10));
  EXPECT_EQ(sent.Count(v1::AgentMessage::kHeartbeat), 6);
}

TEST_F(ConversationTest, HeartbeatsSayWhatTheServersCanNow) {
  Welcome(10);
  const v1::AgentMessage& last = sent.messages.back();
  EXPECT_THAT(last.heartbeat().capabilities(), ::testing::ElementsAre("fake/1.0", "look/site"));
}

TEST_F(ConversationTest, TheLaneGoesBeforeALongAnswer) {
  Welcome(10);
  Push(1);
  SendLane(1);
  for (size_t i = 0; i < sent.messages.size(); ++i) {
    const auto kind = sent.messages[i].message_case();
    if (kind == v1::AgentMessage::kAck) {
      EXPECT_EQ(sent.urgencies[i], Urgency::kBulk);
    } else if (kind == v1::AgentMessage::kLaneAck) {
      EXPECT_EQ(sent.urgencies[i], Urgency::kUrgent);
    }
  }
}

TEST_F(ConversationTest, WhatTheControllerWishesIsFollowedAndReported) {
  Welcome(10);
  Push(1);
  v1::ControllerMessage message;
  message.mutable_announce_wish()->set_wish(v1::AnnounceWish::WISH_WITHDRAWN);
  message.mutable_announce_wish()->set_reason("HTTP/3 is broken here");
  conversation.OnMessage(message);
  ASSERT_TRUE(Until([&] { return rig.driver.serving()->refuse_quic; }));
  ASSERT_TRUE(Until([&] { return !queue.view().follow.notes.empty(); }));
  strand.AdvanceBy(Seconds(10));
  const v1::AnnounceState said = sent.LastHeartbeat().announce();
  EXPECT_EQ(said.following(), v1::AnnounceState::FOLLOWING_WITHDRAWN);
  EXPECT_THAT(said.following_notes(),
              ::testing::ElementsAre(::testing::HasSubstr("nothing here announces"),
                                     "QUIC is refused on the service addresses"));
  EXPECT_EQ(conversation.MakeHello().announce().following(), said.following());
}

TEST_F(ConversationTest, TheMissResponderHearsOfSnapshotAndLane) {
  Welcome(10);
  Push(1);
  EXPECT_TRUE(desired_known);
  EXPECT_EQ(live_count, 0u);
  SendLane(1);
  EXPECT_EQ(live_count, 1u);
  EXPECT_GE(rules_published, 2);
}

TEST_F(ConversationTest, AHostOfTheLiveLaneMayBeWitnessed) {
  Welcome(10);
  Push(1);
  SendLane(1);
  v1::ControllerMessage message;
  v1::WitnessRequest* request = message.mutable_witness_request();
  request->set_request_id(3);
  request->set_subject("ams1");
  request->mutable_deadline()->set_seconds(5);
  v1::WitnessTarget* target = request->add_targets();
  target->set_kind(types::v1::PROBE_KIND_CHALLENGE);
  target->set_address("10.77.1.2");
  target->set_host("new.example.test");
  target->set_token(std::string(22, 't'));
  conversation.OnMessage(message);
  ASSERT_TRUE(Until([&] { return sent.Count(v1::AgentMessage::kWitnessReport) == 1; }));
  EXPECT_EQ(sent.messages.back().witness_report().refused(), "");
}

TEST_F(ConversationTest, TheLaneIsInStepOnlyOnceItsSetWasSeenOnThisStream) {
  EXPECT_FALSE(conversation.LaneInStep());
  Welcome(10);
  Push(1);
  EXPECT_FALSE(conversation.LaneInStep());
  SendLane(1);
  EXPECT_TRUE(conversation.LaneInStep());
  conversation.OnDisconnected(Unavailable("gone"));
  EXPECT_FALSE(conversation.LaneInStep());
  Welcome(10);
  EXPECT_FALSE(conversation.LaneInStep());
}

TEST_F(ConversationTest, AMessageOfALaterVersionIsIgnored) {
  conversation.OnMessage(v1::ControllerMessage());
  EXPECT_TRUE(sent.messages.empty());
}

}  // namespace
}  // namespace lockstep::agent::session
