#include "controller/edge/keeping.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lockstep::controller::edge {
namespace {

using std::chrono::minutes;

NodeName Node(int number) { return *NodeName::Parse("n" + std::to_string(number)); }

class KeepingTest : public ::testing::Test {
 protected:
  KeepingTest() {
    options_.floor = 2;
    for (int i = 1; i <= 4; ++i) facts_.nodes[Node(i)] = {true, {{"www", Sight::kWorks}}};
  }
  void See(int node, Sight sight, const std::string& site = "www") {
    facts_.nodes[Node(node)].sites[site] = sight;
  }
  Keeping Look(Micros later = Micros(0)) {
    now_ += later;
    auto out = Keep(state_, facts_, options_, now_);
    state_ = out.state;
    return out;
  }

  KeepingOptions options_;
  KeepingFacts facts_;
  KeepingState state_;
  WallTime now_ = FromUnixMicros(1'700'000'000'000'000);
};

TEST_F(KeepingTest, OneThatLostItIsWithdrawnAndThePromiseStays) {
  See(1, Sight::kBroken);
  EXPECT_EQ(Look().look_at, std::optional<WallTime>(now_ + Seconds(30)));
  EXPECT_TRUE(Look(Seconds(29)).withdraw.empty());
  const auto keeping = Look(Seconds(1));
  ASSERT_TRUE(keeping.withdraw.contains(Node(1)));
  EXPECT_EQ(keeping.withdraw.at(Node(1)),
            "HTTP/3 is promised and broken here since 2023-11-14T22:13:20.000Z");
  EXPECT_TRUE(keeping.step_back.empty());
}

TEST_F(KeepingTest, BelowTheFloorTheSitesStepBackAndNobodyIsWithdrawn) {
  for (int i = 1; i <= 3; ++i) See(i, Sight::kBroken);
  for (int i = 1; i <= 3; ++i) See(i, Sight::kUnknown, "unseen");
  Look();
  const auto keeping = Look(Seconds(30));
  EXPECT_TRUE(keeping.withdraw.empty());
  EXPECT_TRUE(keeping.step_back.contains("www"));
  EXPECT_FALSE(keeping.step_back.contains("unseen"));
}

TEST_F(KeepingTest, WhoIsMarkedStaysSoWhenTheFloorIsReached) {
  See(1, Sight::kBroken);
  See(2, Sight::kBroken);
  Look();
  EXPECT_EQ(Look(Seconds(30)).withdraw.size(), 2u);
  See(3, Sight::kBroken);
  Look();
  const auto keeping = Look(Seconds(30));
  EXPECT_EQ(keeping.withdraw.size(), 2u);
  EXPECT_TRUE(keeping.step_back.contains("www"));
}

TEST_F(KeepingTest, WhoIsMarkedIsCalledBackWhereTheOthersGoAndLeavesAgainLater) {
  See(1, Sight::kBroken);
  Look();
  EXPECT_EQ(Look(Seconds(30)).marked, Marked::kWithdraw);
  for (int i = 2; i <= 3; ++i) facts_.nodes[Node(i)].available = false;  // one stays of two
  EXPECT_EQ(Look().marked, Marked::kAsItIs);
  EXPECT_EQ(Look(Seconds(29)).marked, Marked::kAsItIs) << "a stream that breaks is no outage";
  const auto called = Look(Seconds(1));
  EXPECT_EQ(called.marked, Marked::kWithoutHttp3);
  EXPECT_TRUE(called.withdraw.contains(Node(1)));
  EXPECT_TRUE(called.step_back.contains("www"));
  facts_.nodes[Node(2)].available = true;
  EXPECT_EQ(Look().look_at, std::optional<WallTime>(now_ + minutes(10)));
  EXPECT_EQ(Look(minutes(9)).marked, Marked::kWithoutHttp3);
  EXPECT_EQ(Look(minutes(1)).marked, Marked::kWithdraw);
}

TEST_F(KeepingTest, AStartOfTheControllerFindsNobodyThereAndCallsNobodyBack) {
  See(1, Sight::kBroken);
  Look();
  Look(Seconds(30));
  state_.floor = {};
  for (int i = 1; i <= 4; ++i) facts_.nodes[Node(i)].available = false;
  EXPECT_EQ(Look().marked, Marked::kAsItIs);
  for (int i = 1; i <= 4; ++i) facts_.nodes[Node(i)].available = true;
  EXPECT_EQ(Look(Seconds(5)).marked, Marked::kWithdraw);
}

TEST_F(KeepingTest, ANodeThatReturnsCountsForNobodyAndMayBeSentAwayAgain) {
  for (int i = 3; i <= 4; ++i) facts_.nodes[Node(i)].returning = true;
  See(3, Sight::kBroken);
  Look();
  EXPECT_TRUE(Look(Seconds(30)).withdraw.contains(Node(3))) << "it is not announced yet";
  See(1, Sight::kBroken);
  Look();
  EXPECT_FALSE(Look(Seconds(30)).withdraw.contains(Node(1))) << "two are announced, with it";
}

TEST_F(KeepingTest, WaitsWhereALossSpreads) {
  See(1, Sight::kBroken);
  Look();
  See(2, Sight::kBroken);
  See(3, Sight::kBroken);
  Look(Seconds(20));
  const auto waiting = Look(Seconds(10));
  EXPECT_TRUE(waiting.withdraw.empty());
  EXPECT_TRUE(waiting.step_back.empty());
  EXPECT_TRUE(Look(Seconds(20)).step_back.contains("www"));
}

TEST_F(KeepingTest, ANodeThatIsNotSeenHasLostNothing) {
  for (int i = 1; i <= 4; ++i) See(i, Sight::kUnknown);
  const auto keeping = Look(std::chrono::hours(24));
  EXPECT_TRUE(keeping.withdraw.empty());
  EXPECT_TRUE(keeping.step_back.empty());
}

TEST_F(KeepingTest, NodesThatAreAwayDoNotCountAboveTheFloor) {
  facts_.nodes[Node(3)].available = false;
  facts_.nodes[Node(4)].available = false;
  See(1, Sight::kBroken);
  Look();
  const auto keeping = Look(Seconds(30));
  EXPECT_TRUE(keeping.withdraw.empty());
  EXPECT_TRUE(keeping.step_back.contains("www"));
}

TEST_F(KeepingTest, ReturnsAfterWorkingForAWhileAndLaterAfterEachRelapse) {
  for (const Micros release : {minutes(10), minutes(10) * 2}) {
    See(1, Sight::kBroken);
    Look();
    Look(Seconds(30));
    See(1, Sight::kWorks);
    EXPECT_EQ(Look().withdraw.size(), 1u);
    EXPECT_EQ(Look(release - Micros(1)).withdraw.size(), 1u);
    EXPECT_TRUE(Look(Micros(1)).withdraw.empty());
  }
}

TEST_F(KeepingTest, ALossThatComesAndGoesIsOne) {
  See(1, Sight::kBroken);
  Look();
  See(1, Sight::kWorks);
  Look(Seconds(20));
  See(1, Sight::kBroken);
  EXPECT_EQ(Look(Seconds(20)).withdraw.size(), 1u);
}

TEST_F(KeepingTest, ASiteThatSeveralNodesLackIsAtFaultItself) {
  for (int i = 1; i <= 4; ++i) See(i, Sight::kBroken, "odd");
  EXPECT_TRUE(Look().step_back.empty());
  const auto keeping = Look(Seconds(30));
  EXPECT_TRUE(keeping.withdraw.empty());
  EXPECT_TRUE(keeping.step_back.contains("odd"));
  EXPECT_FALSE(keeping.step_back.contains("www"));
}

TEST_F(KeepingTest, ANodeThatLacksOneOfItsSitesIsAtFaultItself) {
  for (int i = 1; i <= 4; ++i) See(i, Sight::kWorks, "odd");
  See(1, Sight::kBroken, "odd");
  Look();
  const auto keeping = Look(Seconds(30));
  EXPECT_TRUE(keeping.withdraw.contains(Node(1)));
  EXPECT_TRUE(keeping.step_back.empty());
}

TEST_F(KeepingTest, RelapsesAreForgottenAfterADayOfWorking) {
  for (int i = 0; i < 2; ++i) {
    See(1, Sight::kBroken);
    Look();
    Look(Seconds(30));
    See(1, Sight::kWorks);
    EXPECT_EQ(Look().withdraw.size(), 1u);
    EXPECT_TRUE(Look(minutes(10)).withdraw.empty()) << "as after the first one";
    Look(std::chrono::hours(24));
  }
}

TEST_F(KeepingTest, ANodeThatNoPromiseDependsOnAnyMoreMayReturn) {
  See(1, Sight::kBroken);
  Look();
  EXPECT_EQ(Look(Seconds(30)).withdraw.size(), 1u);
  facts_.nodes[Node(1)].sites.clear();
  Look();
  EXPECT_TRUE(Look(minutes(10)).withdraw.empty());
}

TEST_F(KeepingTest, ANodeThatReturnsIsNotEnoughForAnotherToStayAway) {
  See(1, Sight::kBroken);
  Look();
  EXPECT_EQ(Look(Seconds(30)).marked, Marked::kWithdraw);
  facts_.nodes[Node(2)].available = false;
  facts_.nodes[Node(3)].returning = true;
  EXPECT_EQ(Look().marked, Marked::kAsItIs);
}

// However nodes come, go and break: what is newly marked leaves the floor of available nodes, and a
// node whose loss nobody saw is never marked.
RC_GTEST_PROP(KeepingProperty, NeverMarksBelowTheFloor, ()) {
  KeepingOptions options;
  options.floor = static_cast<size_t>(*rc::gen::inRange(1, 5));
  KeepingState state;
  WallTime now = FromUnixMicros(1'700'000'000'000'000);
  for (int round = 0; round < 100; ++round) {
    KeepingFacts facts;
    for (int i = 1; i <= 6; ++i) {
      facts.nodes[Node(i)] = {
          *rc::gen::inRange(0, 5) != 0,
          {{"www", *rc::gen::element(Sight::kUnknown, Sight::kWorks, Sight::kBroken)}}};
    }
    const auto keeping = Keep(state, facts, options, now);
    size_t staying = 0;
    bool marks = false;
    for (const auto& [name, node] : keeping.state.nodes) {
      if (facts.nodes[name].available && !node.marked_since) ++staying;
      const bool was = state.nodes.contains(name) && state.nodes[name].marked_since;
      marks = marks || (node.marked_since && !was);
      if (node.marked_since && !was) RC_ASSERT(node.broken_since.has_value());
    }
    if (marks) RC_ASSERT(staying >= options.floor);
    state = keeping.state;
    now += Seconds(*rc::gen::element(1, 15, 40, 700));
  }
}

}  // namespace
}  // namespace lockstep::controller::edge
