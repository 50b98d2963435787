#include "controller/publish/rollout.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lockstep::controller::publish {
namespace {

NodeName Node(const std::string& name) { return *NodeName::Parse(name); }
const NodeName kA = Node("a");
const NodeName kB = Node("b");
const NodeName kC = Node("c");

// A fleet around one rollout, with a hand-turned clock.
class RolloutTest : public ::testing::Test {
 protected:
  RolloutTest() { facts_.connected = {kA, kB, kC}; }
  Rollout Make(Micros soak = Seconds(0)) {
    return Rollout({soak, Seconds(60)}, {{kA}, {kB, kC}}, facts_.now);
  }
  RolloutFacts facts_;
};

TEST_F(RolloutTest, ReleasesOneWaveAtATime) {
  Rollout rollout = Make();
  EXPECT_EQ(rollout.Advance(facts_).release, std::vector<NodeName>{kA});
  EXPECT_TRUE(rollout.Advance(facts_).release.empty());
  facts_.proved = {kA};
  EXPECT_EQ(rollout.Advance(facts_).release, (std::vector<NodeName>{kB, kC}));
  facts_.proved = {kA, kB, kC};
  EXPECT_TRUE(rollout.Advance(facts_).proved);
}

TEST_F(RolloutTest, StopsAfterFirstNackInWave) {
  Rollout rollout = Make();
  rollout.Advance(facts_);
  facts_.rejected = {{kA, "caddy said no"}};
  const auto step = rollout.Advance(facts_);
  EXPECT_TRUE(step.failed);
  EXPECT_EQ(step.problem, "node a refused it: caddy said no");
  EXPECT_EQ(rollout.released(), std::set<NodeName>{kA});
}

TEST_F(RolloutTest, SoaksBetweenWaves) {
  Rollout rollout = Make(Seconds(30));
  rollout.Advance(facts_);
  facts_.proved = {kA};
  EXPECT_TRUE(rollout.Advance(facts_).release.empty());
  facts_.now += Seconds(29);
  EXPECT_TRUE(rollout.Advance(facts_).release.empty());
  facts_.now += Seconds(1);
  EXPECT_EQ(rollout.Advance(facts_).release, (std::vector<NodeName>{kB, kC}));
}

TEST_F(RolloutTest, DoesNotLeaveASoakWhileAProofIsGone) {
  Rollout rollout = Make(Seconds(30));
  rollout.Advance(facts_);
  facts_.proved = {kA};
  rollout.Advance(facts_);
  facts_.proved.clear();
  facts_.now += Seconds(30);
  EXPECT_TRUE(rollout.Advance(facts_).release.empty());
  facts_.now += Seconds(60);
  EXPECT_TRUE(rollout.Advance(facts_).failed);
}

TEST_F(RolloutTest, ANodeThatIsAwayDoesNotHoldUpItsWave) {
  facts_.connected = {kA, kB};
  Rollout rollout = Make();
  rollout.Advance(facts_);
  facts_.proved = {kA};
  EXPECT_EQ(rollout.Advance(facts_).release, std::vector<NodeName>{kB});
  facts_.proved = {kA, kB};
  EXPECT_TRUE(rollout.Advance(facts_).proved);
}

TEST_F(RolloutTest, ANodeThatReturnsMidwayGetsIt) {
  facts_.connected = {kA, kB};
  Rollout rollout = Make();
  rollout.Advance(facts_);
  facts_.proved = {kA};
  rollout.Advance(facts_);
  facts_.connected = {kA, kB, kC};
  EXPECT_EQ(rollout.Advance(facts_).release, std::vector<NodeName>{kC});
}

TEST_F(RolloutTest, FailsAtTheDeadlineAndNamesWhatWasMissing) {
  Rollout rollout = Make();
  rollout.Advance(facts_);
  facts_.lacking = {{kA, "QUIC certificate not seen yet"}};
  facts_.now += Seconds(60);
  const auto step = rollout.Advance(facts_);
  EXPECT_TRUE(step.failed);
  EXPECT_EQ(step.problem,
            "node a did not prove it within 1 min 00 s: QUIC certificate not seen yet");
}

TEST_F(RolloutTest, NobodyWaitsForANodeThatHasLeft) {
  Rollout rollout = Make();
  rollout.Advance(facts_);
  facts_.connected.erase(kA);
  facts_.left = {kA};
  EXPECT_EQ(rollout.Advance(facts_).release, (std::vector<NodeName>{kB, kC}));
  facts_.proved = {kB, kC};
  EXPECT_TRUE(rollout.Advance(facts_).proved);
}

TEST_F(RolloutTest, IsNotProvedByANodeThatHasLeft) {
  Rollout rollout({Seconds(0), Seconds(60)}, {{kA}}, facts_.now);
  rollout.Advance(facts_);
  facts_.left = {kA};
  facts_.now += std::chrono::hours(1);
  const auto step = rollout.Advance(facts_);
  EXPECT_FALSE(step.proved);
  EXPECT_FALSE(step.failed);
}

TEST_F(RolloutTest, WaitsForeverForSomebodyToProveIt) {
  facts_.connected.clear();
  Rollout rollout = Make();
  facts_.now += std::chrono::hours(24);
  const auto step = rollout.Advance(facts_);
  EXPECT_FALSE(step.proved);
  EXPECT_FALSE(step.failed);
}

// However nodes come, go and prove: what is released only grows, no wave starts before all released
// nodes of the waves before have proved, and the rollout never ends well without a proof.
RC_GTEST_PROP(RolloutProperty, NeverOutrunsItsProofs, ()) {
  const std::vector<std::vector<NodeName>> waves = {{kA}, {kB}, {kC, Node("d")}};
  Rollout rollout({Seconds(*rc::gen::inRange(0, 3)), Seconds(20)}, waves, MonoTime());
  RolloutFacts facts;
  std::set<NodeName> released;
  for (int i = 0; i < 60; ++i) {
    const NodeName node = Node(std::string(1, static_cast<char>('a' + *rc::gen::inRange(0, 4))));
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        facts.connected.insert(node);
        break;
      case 1:
        facts.connected.erase(node);
        facts.proved.erase(node);
        break;
      case 2:
        if (released.contains(node) && facts.connected.contains(node)) facts.proved.insert(node);
        break;
      default:
        facts.now += Seconds(*rc::gen::inRange(0, 3));
        break;
    }
    const auto before = released;
    const bool all_proved =
        std::includes(facts.proved.begin(), facts.proved.end(), before.begin(), before.end());
    const size_t wave_before = rollout.wave();
    const auto step = rollout.Advance(facts);
    for (const NodeName& name : step.release) {
      RC_ASSERT(released.insert(name).second);
      RC_ASSERT(facts.connected.contains(name));
    }
    if (rollout.wave() > wave_before) RC_ASSERT(all_proved);
    if (step.proved) {
      RC_ASSERT(!released.empty());
      return;
    }
    if (step.failed) return;
  }
}

}  // namespace
}  // namespace lockstep::controller::publish
