#include "controller/keys/rotation.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <vector>

#include "tests/fakes/fake_clock.h"

namespace lockstep::controller::keys {
namespace {

constexpr Micros kDay = std::chrono::hours(24);
const WallTime kStart = fakes::FakeClock().Now();
const Periods kPeriods;

TEST(RotationTest, TheFirstKeysHaveTheirLengthsAndDiffer) {
  const model::QuicKeys keys = MakeFirst(kStart);
  EXPECT_EQ(keys.connection_id.bytes.size(), 16u);
  EXPECT_EQ(keys.connection_id_config, 0u);
  EXPECT_EQ(keys.token_current.bytes.size(), 32u);
  EXPECT_EQ(keys.ticket_current.bytes.size(), 64u);
  EXPECT_EQ(keys.ticket_next.bytes.size(), 64u);
  EXPECT_NE(keys.ticket_current.bytes, keys.ticket_next.bytes);
  EXPECT_NE(MakeFirst(kStart).connection_id.bytes, keys.connection_id.bytes);
}

TEST(RotationTest, NothingIsDueBeforeItsTime) {
  const model::QuicKeys keys = MakeFirst(kStart);
  const Step step = NextStep(keys, kStart + kDay - Micros(1), kPeriods, true);
  EXPECT_EQ(step.keys, keys);
  EXPECT_EQ(step.cause, "");
}

TEST(RotationTest, TicketKeysMoveOnDailyOnceTheNextOneIsEverywhere) {
  const model::QuicKeys keys = MakeFirst(kStart);
  EXPECT_EQ(NextStep(keys, kStart + kDay, kPeriods, false).cause, "");
  const Step step = NextStep(keys, kStart + kDay, kPeriods, true);
  EXPECT_EQ(step.cause, "the session-ticket keys moved on");
  EXPECT_EQ(step.keys.ticket_previous, keys.ticket_current);
  EXPECT_EQ(step.keys.ticket_current, keys.ticket_next);
  EXPECT_EQ(step.keys.ticket_next.created_at, kStart + kDay);
  EXPECT_EQ(step.keys.token_current, keys.token_current);
}

TEST(RotationTest, ATokenKeyComesInTwoSteps) {
  model::QuicKeys keys = MakeFirst(kStart);
  keys.ticket_current_since = kStart + 7 * kDay;
  const Step first = NextStep(keys, kStart + 7 * kDay, kPeriods, true);
  EXPECT_EQ(first.cause, "an address-token key is on its way");
  EXPECT_EQ(first.keys.token_current, keys.token_current);
  ASSERT_TRUE(first.keys.token_next.has_value());
  EXPECT_EQ(NextStep(first.keys, kStart + 7 * kDay, kPeriods, false).cause, "");
  const Step second = NextStep(first.keys, kStart + 7 * kDay + Seconds(9), kPeriods, true);
  EXPECT_EQ(second.cause, "the address-token key moved on");
  EXPECT_EQ(second.keys.token_current, *first.keys.token_next);
  EXPECT_EQ(second.keys.token_previous, keys.token_current);
  EXPECT_FALSE(second.keys.token_next.has_value());
}

TEST(RotationTest, AnOperatorDoesNotWaitForThePeriodButForTheNodes) {
  const model::QuicKeys keys = MakeFirst(kStart);
  EXPECT_EQ(NextStep(keys, kStart, kPeriods, false, true).cause, "");
  EXPECT_EQ(NextStep(keys, kStart, kPeriods, true, true).cause,
            "the session-ticket keys moved on, an address-token key is on its way");
}

// What a node holds: the keys of the generation that it serves.
bool Reads(const model::QuicKeys& keys, const std::string& ticket) {
  return ticket == keys.ticket_current.bytes || ticket == keys.ticket_next.bytes ||
         (keys.ticket_previous && ticket == keys.ticket_previous->bytes);
}
bool ReadsToken(const model::QuicKeys& keys, const std::string& token) {
  // As the resource carries them: a next one takes the place of the previous one.
  const auto& second = keys.token_next ? keys.token_next : keys.token_previous;
  return token == keys.token_current.bytes || (second && token == second->bytes);
}

// Nodes take generations in any order and at any time, rollouts may be rolled back: whatever one
// node makes, every other one reads.
RC_GTEST_PROP(RotationPropertyTest, NobodyMakesWithAKeyThatAnotherDoesNotHold, ()) {
  const size_t count = *rc::gen::inRange<size_t>(1, 5);
  WallTime now = kStart;
  model::QuicKeys stored = MakeFirst(now);
  model::QuicKeys stable = stored;  // what a rollback puts back
  std::vector<model::QuicKeys> nodes(count, stored);
  const auto actions = *rc::gen::container<std::vector<int>>(60, rc::gen::inRange(0, 6));
  for (const int action : actions) {
    const bool all_hold =
        std::all_of(nodes.begin(), nodes.end(), [&](const auto& held) { return held == stored; });
    if (all_hold) stable = stored;
    switch (action) {
      case 0:
        now += kDay;
        break;
      case 1:
        now += Seconds(*rc::gen::inRange(1, 7200));
        break;
      case 2:
        stored = NextStep(stored, now, kPeriods, all_hold, *rc::gen::arbitrary<bool>()).keys;
        break;
      case 3:
        for (auto& held : nodes) held = stored;
        break;
      case 4:
        nodes[*rc::gen::inRange<size_t>(0, count)] = stored;
        break;
      case 5:
        nodes[*rc::gen::inRange<size_t>(0, count)] = stable;
        break;
    }
    for (const auto& maker : nodes) {
      for (const auto& reader : nodes) {
        RC_ASSERT(Reads(reader, maker.ticket_current.bytes));
        RC_ASSERT(ReadsToken(reader, maker.token_current.bytes));
      }
    }
  }
}

}  // namespace
}  // namespace lockstep::controller::keys
