#include "controller/challenges/challenges.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/fakes/fleet_rig.h"

namespace lockstep::controller::challenges {
namespace {

using fakes::FleetRig;
using fakes::Node;

constexpr char kHost[] = "www.example.test";
constexpr char kToken[] = "tokentokentoken1";
constexpr char kBody[] = "tokentokentoken1.thumbprint";

class ChallengesTest : public ::testing::Test {
 protected:
  ChallengesTest() : challenges_({}, 3, rig_.database, rig_.state, rig_.fleet) {
    rig_.Enrol({"ams1", "fra1"});
    rig_.fleet.AddObserver(&challenges_);
  }
  OrderId Publish(const std::string& token = kToken) {
    model::Challenge challenge;
    challenge.order = NewOrderId();
    challenge.host = fakes::Host(kHost);
    challenge.token = *ChallengeToken::Parse(token);
    challenge.key_authorization = token + ".thumbprint";
    challenges_.Publish(challenge.order, {challenge});
    rig_.state.RunAll();
    return challenge.order;
  }
  void Withdraw(const OrderId& order) {
    challenges_.Withdraw(order, [this](Challenges::Gone gone) { gone_ = std::move(gone); });
    rig_.state.RunAll();
  }
  agent::v1::LaneSet Newest(const std::string& node) const {
    return rig_.link.LaneSetsTo(Node(node)).back();
  }
  // What the node sees of the token on every service address after lane set `sequence`.
  void Show(const std::string& node, uint64_t sequence, const std::string& body,
            uint32_t status = 404) {
    agent::v1::AgentMessage message;
    message.mutable_lane_ack()->set_sequence(sequence);
    for (const char* address : {FleetRig::kService4, FleetRig::kService6}) {
      *message.mutable_lane_ack()->add_observations() =
          fakes::SeenBody(kHost, kToken, address, body, status);
    }
    rig_.Say(node, message);
  }

  FleetRig rig_;
  Challenges challenges_;
  std::optional<Challenges::Gone> gone_;
};

TEST_F(ChallengesTest, AConnectingNodeGetsTheSetAlsoWhenItIsEmpty) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  EXPECT_EQ(Newest("ams1").challenges_size(), 0);
  Publish();
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  EXPECT_EQ(Newest("fra1").challenges_size(), 1);
}

TEST_F(ChallengesTest, SendsTheWholeSetEachTimeWithAGrowingSequence) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  const OrderId first = Publish();
  Publish("tokentokentoken2");
  Withdraw(first);
  const auto sets = rig_.link.LaneSetsTo(Node("ams1"));
  ASSERT_EQ(sets.size(), 4u);
  EXPECT_EQ(sets[2].challenges_size(), 2);
  EXPECT_EQ(sets[3].challenges_size(), 1);
  for (size_t i = 1; i < sets.size(); ++i) EXPECT_GT(sets[i].sequence(), sets[i - 1].sequence());
  EXPECT_GT(sets[0].sequence(), uint64_t{3} << 32);  // above every earlier start's
}

TEST_F(ChallengesTest, RenewsTheLeaseWhileSomethingLives) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  const OrderId order = Publish();
  const size_t before = rig_.link.LaneSetsTo(Node("ams1")).size();
  EXPECT_EQ(Newest("ams1").lease().seconds(), 30);
  rig_.state.AdvanceBy(Seconds(30));
  EXPECT_EQ(rig_.link.LaneSetsTo(Node("ams1")).size(), before + 3);
  Withdraw(order);
  const size_t after = rig_.link.LaneSetsTo(Node("ams1")).size();
  rig_.state.AdvanceBy(std::chrono::minutes(5));
  EXPECT_EQ(rig_.link.LaneSetsTo(Node("ams1")).size(), after);
}

TEST_F(ChallengesTest, CountsTheNodesThatShowThatTheBytesAreGone) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  const OrderId order = Publish();
  Withdraw(order);
  const uint64_t sequence = Newest("ams1").sequence();
  Show("ams1", sequence, "not found");
  EXPECT_FALSE(gone_);
  Show("fra1", sequence, kBody, 200);  // still there
  EXPECT_FALSE(gone_);
  Show("fra1", sequence, "not found");
  ASSERT_TRUE(gone_);
  EXPECT_EQ(gone_->proved, 2);
  EXPECT_TRUE(gone_->unproved.empty());
}

// The answer to an older set: the bytes had not been written yet, and may be there a moment later.
TEST_F(ChallengesTest, AnAnswerToAnOlderSetDoesNotShowThatTheBytesAreGone) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  const OrderId order = Publish();
  const uint64_t published = Newest("ams1").sequence();
  Withdraw(order);
  Show("ams1", published, "not found");
  EXPECT_FALSE(gone_);
  Show("ams1", Newest("ams1").sequence(), "not found");
  EXPECT_TRUE(gone_);
}

TEST_F(ChallengesTest, NamesWhoDidNotShowItInTime) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  Withdraw(Publish());
  Show("ams1", Newest("ams1").sequence(), "not found");
  rig_.state.AdvanceBy(Seconds(15));
  ASSERT_TRUE(gone_);
  EXPECT_EQ(gone_->proved, 1);
  EXPECT_EQ(gone_->unproved, std::vector<NodeName>{Node("fra1")});
}

TEST_F(ChallengesTest, ANodeThatGoesAwayMeanwhileIsNotWaitedFor) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  Withdraw(Publish());
  EXPECT_FALSE(gone_);
  rig_.Disconnect("ams1");
  ASSERT_TRUE(gone_);
  EXPECT_EQ(gone_->proved, 0);
}

TEST_F(ChallengesTest, WithdrawingAnUnknownOrderIsDoneAtOnce) {
  Withdraw(NewOrderId());
  ASSERT_TRUE(gone_);
  const OrderId order = Publish();
  Withdraw(order);
  gone_.reset();
  Withdraw(order);
  EXPECT_TRUE(gone_);
}

TEST_F(ChallengesTest, FindsWhatLives) {
  const OrderId order = Publish();
  const auto token = *ChallengeToken::Parse(kToken);
  ASSERT_NE(challenges_.Find(fakes::Host(kHost), token), nullptr);
  EXPECT_EQ(challenges_.Find(fakes::Host("other.example.test"), token), nullptr);
  EXPECT_EQ(challenges_.TargetsOf(order).size(), 1u);
  Withdraw(order);
  EXPECT_EQ(challenges_.Find(fakes::Host(kHost), token), nullptr);
}

}  // namespace
}  // namespace lockstep::controller::challenges
