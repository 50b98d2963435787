#include "controller/edge/ramp.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lockstep::controller::edge {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class RampTest : public ::testing::Test {
 protected:
  std::string Look(Micros later = Micros(0)) {
    now_ += later;
    const auto step = Advance(state_, facts_, options_, now_);
    state_ = step.state;
    note_ = step.note;
    look_at_ = step.look_at;
    return RenderAltSvc(step.value);
  }
  // Until something is advertised that was not before.
  std::string Climb(Micros held) {
    Look();
    return Look(held);
  }

  RampState state_;
  RampFacts facts_{.wanted = true,
                   .proved = true,
                   .missing = "fra1: no QUIC",
                   .value_shown = true,
                   .step_back_reason = "too many"};
  RampOptions options_;
  WallTime now_ = FromUnixMicros(1'700'000'000'000'000);
  std::string note_;
  std::optional<WallTime> look_at_;
};

TEST_F(RampTest, ClimbsWhileEverythingHolds) {
  EXPECT_EQ(Look(), "");
  EXPECT_EQ(look_at_, std::optional<WallTime>(now_ + minutes(10)));
  EXPECT_EQ(Look(minutes(10) - Micros(1)), "");
  EXPECT_EQ(Look(Micros(1)), R"(h3=":443"; ma=300)");
  EXPECT_EQ(Climb(hours(1)), R"(h3=":443"; ma=3600)");
  EXPECT_EQ(Climb(hours(24)), R"(h3=":443"; ma=86400)");
  EXPECT_EQ(Climb(hours(24 * 9)), R"(h3=":443"; ma=86400)");
}

TEST_F(RampTest, PromisesNothingThatIsNotProved) {
  facts_.proved = false;
  EXPECT_EQ(Climb(hours(24)), "");
  EXPECT_EQ(note_, "fra1: no QUIC");
}

TEST_F(RampTest, AGapKeepsThePromiseAndBeginsTheHoldAnew) {
  Climb(minutes(10));
  Look();
  facts_.proved = false;
  EXPECT_EQ(Look(minutes(59)), R"(h3=":443"; ma=300)");
  facts_.proved = true;
  EXPECT_EQ(Climb(minutes(59)), R"(h3=":443"; ma=300)");
  EXPECT_EQ(Look(minutes(1)), R"(h3=":443"; ma=3600)");
}

TEST_F(RampTest, DoesNotGoOnWhileTheFleetShowsTwoValues) {
  Climb(minutes(10));
  facts_.value_shown = false;
  EXPECT_EQ(Climb(hours(9)), R"(h3=":443"; ma=300)");
}

TEST_F(RampTest, StepsBackByClearUntilTheLedgerHasRunOut) {
  Climb(minutes(10));
  facts_.proved = false;
  facts_.value_shown = false;
  facts_.step_back = true;
  facts_.run_out = false;
  EXPECT_EQ(Look(), "clear");
  EXPECT_EQ(note_, "too many");
  facts_.value_shown = true;
  EXPECT_EQ(Look(minutes(5)), "clear");
  facts_.run_out = true;
  EXPECT_EQ(Look(minutes(5)), "");
}

TEST_F(RampTest, WaitsLongerAfterEachStepBack) {
  for (const Micros penalty : {minutes(30), minutes(60)}) {
    facts_.step_back = false;
    Look();
    while (state_.phase != RampPhase::kAdvertising) Look(minutes(10));
    facts_.step_back = true;
    EXPECT_EQ(Look(), "clear");
    facts_.step_back = false;
    Look();
    Look();
    EXPECT_NE(Look(penalty + minutes(10) - Micros(1)).substr(0, 2), "h3");
    EXPECT_EQ(Look(Micros(1)), R"(h3=":443"; ma=300)");
  }
}

TEST_F(RampTest, IsTakenBackWhereItIsNotWanted) {
  Climb(minutes(10));
  facts_.wanted = false;
  facts_.run_out = false;
  EXPECT_EQ(Look(), "clear");
  EXPECT_EQ(state_.step_backs, 0u);
}

TEST_F(RampTest, StaysWithinFloorAndCeiling) {
  options_.floor = Seconds(600);
  options_.ceiling = Seconds(7200);
  EXPECT_EQ(Climb(minutes(10)), R"(h3=":443"; ma=600)");
  EXPECT_EQ(Climb(hours(1)), R"(h3=":443"; ma=3600)");
  EXPECT_EQ(Climb(hours(24)), R"(h3=":443"; ma=7200)");
  options_.ceiling = Seconds(900);
  facts_.value_shown = false;
  EXPECT_EQ(Look(), R"(h3=":443"; ma=900)") << "a lower ceiling holds at once";
}

TEST_F(RampTest, RefusesBoundsThatHelpNobody) {
  EXPECT_TRUE(Check(options_).ok());
  options_.floor = Seconds(299);
  EXPECT_FALSE(Check(options_).ok());
  options_.floor = Seconds(90000);
  EXPECT_FALSE(Check(options_).ok());
  options_.floor = Seconds(300);
  options_.ceiling = Seconds(31 * 86400);
  EXPECT_FALSE(Check(options_).ok());
}

TEST_F(RampTest, AStartOfTheControllerKeepsThePromiseAndNotTheHold) {
  Climb(minutes(10));
  Look();
  state_ = Resume(state_);
  EXPECT_EQ(Look(hours(24)), R"(h3=":443"; ma=300)");
}

// Whatever happens: an age that is promised is never below 5 minutes, it only grows by one rung at
// a time and only while everything is proved, and it never vanishes without "clear" in between.
RC_GTEST_PROP(RampProperty, NeverPromisesAheadOfItsProofs, ()) {
  const RampOptions options;
  RampState state;
  WallTime now = FromUnixMicros(1'700'000'000'000'000);
  for (int i = 0; i < 200; ++i) {
    const RampFacts facts{.wanted = *rc::gen::inRange(0, 20) != 0,
                          .proved = *rc::gen::inRange(0, 8) != 0,
                          .missing = "m",
                          .value_shown = *rc::gen::inRange(0, 8) != 0,
                          .step_back = *rc::gen::inRange(0, 20) == 0,
                          .step_back_reason = "s",
                          .run_out = *rc::gen::arbitrary<bool>()};
    const auto step = Advance(state, facts, options, now);
    const Seconds before = state.max_age;
    if (step.state.max_age > before) {
      RC_ASSERT(facts.wanted && facts.proved && facts.value_shown && !facts.step_back);
      RC_ASSERT(before == Seconds(0) || step.state.max_age <= before * 24);
    }
    if (!step.value.entries.empty()) {
      RC_ASSERT(step.value.entries.front().max_age >= Seconds(300));
    }
    if (state.phase == RampPhase::kAdvertising) RC_ASSERT(step.state.phase != RampPhase::kSilent);
    RC_ASSERT(!step.note.empty());
    state = step.state;
    now += minutes(*rc::gen::element(1, 30, 120, 1500));
  }
}

}  // namespace
}  // namespace lockstep::controller::edge
