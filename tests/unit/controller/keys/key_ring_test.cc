#include "controller/keys/key_ring.h"

#include <gtest/gtest.h>

#include "tests/fakes/manual_executor.h"
#include "tests/fakes/memory_stores.h"

namespace lockstep::controller::keys {
namespace {

class KeyRingTest : public testing::Test {
 protected:
  std::optional<model::QuicKeys> Stored() {
    std::optional<model::QuicKeys> out;
    const Status read = database_.RunNow([&](store::Stores& stores) -> Status {
      LS_ASSIGN_OR_RETURN(out, stores.quic_keys.Find());
      return Status::Ok();
    });
    EXPECT_TRUE(read.ok());
    return out;
  }
  void Start() {
    ring_.Start([this](const model::QuicKeys&) { return held_; },
                [this](const std::string& cause) { causes_.push_back(cause); });
  }

  fakes::FakeClock clock_;
  fakes::ManualExecutor state_{clock_};
  fakes::MemoryBackend backend_;
  store::Database database_{backend_, state_};
  fleet::Journal journal_{database_, state_};
  const model::QuicKeys first_ = MakeFirst(clock_.Now());
  KeyRing ring_{database_, state_, journal_, first_};
  bool held_ = true;
  std::vector<std::string> causes_;
};

TEST_F(KeyRingTest, MovesOnDailyAndStoresBeforeItTells) {
  Start();
  state_.AdvanceBy(std::chrono::hours(23));
  EXPECT_TRUE(causes_.empty());
  state_.AdvanceBy(std::chrono::hours(2));
  EXPECT_EQ(causes_, std::vector<std::string>{"the session-ticket keys moved on"});
  EXPECT_EQ(ring_.keys().ticket_current, first_.ticket_next);
  EXPECT_EQ(Stored(), ring_.keys());
}

TEST_F(KeyRingTest, WaitsForWhoeverDoesNotHoldTheNextKey) {
  held_ = false;
  Start();
  state_.AdvanceBy(std::chrono::hours(24 * 30));
  EXPECT_EQ(ring_.keys(), first_);
  Status refused;
  ring_.RotateNow([&](const Status& status) { refused = status; });
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  held_ = true;
  state_.AdvanceBy(Seconds(61));
  EXPECT_EQ(ring_.keys().ticket_current, first_.ticket_next);
}

TEST_F(KeyRingTest, WhatIsNotStoredIsNotUsed) {
  Start();
  backend_.FailNextCommit(ResourceExhausted("the disk is full"));
  Status failed;
  ring_.RotateNow([&](const Status& status) { failed = status; });
  state_.RunAll();
  EXPECT_EQ(failed.code(), Code::kResourceExhausted);
  EXPECT_EQ(ring_.keys(), first_);
  EXPECT_TRUE(causes_.empty());
  ring_.RotateNow([&](const Status& status) { failed = status; });
  state_.RunAll();
  EXPECT_TRUE(failed.ok());
  EXPECT_EQ(ring_.keys().ticket_current, first_.ticket_next);
}

}  // namespace
}  // namespace lockstep::controller::keys
