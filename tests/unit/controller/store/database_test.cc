#include "controller/store/database.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/memory_stores.h"

namespace lockstep::controller::store {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  // Sets a flag; fails afterwards with `status`.
  void Queue(const std::string& flag, Status status = Status::Ok()) {
    database_.Run(
        [flag, status](Stores& stores) -> Status {
          LS_RETURN_IF_ERROR(stores.meta.PutFlag(flag, "up"));
          return status;
        },
        [this, flag](Status said) { done_.push_back(flag + " " + said.ToString()); }, reply_);
  }
  bool IsUp(const std::string& flag) {
    bool up = false;
    EXPECT_TRUE(database_
                    .RunNow([&](Stores& stores) -> Status {
                      LS_ASSIGN_OR_RETURN(const auto value, stores.meta.FindFlag(flag));
                      up = value.has_value();
                      return Status::Ok();
                    })
                    .ok());
    return up;
  }

  fakes::FakeClock clock_;
  fakes::ManualExecutor strand_{clock_};
  fakes::ManualExecutor reply_{clock_};
  fakes::MemoryBackend backend_;
  Database database_{backend_, strand_};
  std::vector<std::string> done_;
};

TEST_F(DatabaseTest, DoneIsPostedToTheAskersExecutorOnceItIsStored) {
  Queue("a");
  EXPECT_EQ(strand_.RunAll(), 1U);
  EXPECT_TRUE(done_.empty());
  EXPECT_EQ(backend_.commits(), 1);
  reply_.RunAll();
  EXPECT_EQ(done_, std::vector<std::string>{"a OK"});
  EXPECT_TRUE(IsUp("a"));
}

TEST_F(DatabaseTest, WhatIsQueuedSharesOneCommitAndIsAnsweredInOrder) {
  for (const char* flag : {"a", "b", "c"}) Queue(flag);
  strand_.RunAll();
  reply_.RunAll();
  EXPECT_EQ(backend_.commits(), 1);
  EXPECT_EQ(done_, (std::vector<std::string>{"a OK", "b OK", "c OK"}));
}

TEST_F(DatabaseTest, AFailureUndoesItselfAlone) {
  Queue("a");
  Queue("b", Aborted("no"));
  Queue("c");
  strand_.RunAll();
  reply_.RunAll();
  EXPECT_EQ(done_, (std::vector<std::string>{"a OK", "b ABORTED: no", "c OK"}));
  EXPECT_TRUE(IsUp("a"));
  EXPECT_FALSE(IsUp("b"));
  EXPECT_TRUE(IsUp("c"));
}

TEST_F(DatabaseTest, AFailedSharedCommitIsRetriedOneByOne) {
  for (const char* flag : {"a", "b"}) Queue(flag);
  backend_.FailNextCommit(ResourceExhausted("full"));
  strand_.RunAll();
  reply_.RunAll();
  EXPECT_EQ(done_, (std::vector<std::string>{"a OK", "b OK"}));
  EXPECT_EQ(backend_.commits(), 2);
}

TEST_F(DatabaseTest, AFailedCommitOfItsOwnIsTold) {
  Queue("a");
  backend_.FailNextCommit(ResourceExhausted("full"));
  strand_.RunAll();
  reply_.RunAll();
  EXPECT_EQ(done_, std::vector<std::string>{"a RESOURCE_EXHAUSTED: full"});
  EXPECT_FALSE(IsUp("a"));
}

TEST_F(DatabaseTest, AWaveLargerThanAGroupIsAllStored) {
  for (int i = 0; i < 1000; ++i) Queue(std::to_string(i));
  strand_.RunAll();
  reply_.RunAll();
  ASSERT_EQ(done_.size(), 1000U);
  EXPECT_EQ(done_.back(), "999 OK");
  EXPECT_LE(backend_.commits(), 4);
}

TEST_F(DatabaseTest, RunNowUndoesAFailedTransaction) {
  EXPECT_EQ(database_
                .RunNow([](Stores& stores) -> Status {
                  LS_RETURN_IF_ERROR(stores.meta.PutFlag("a", "up"));
                  return Aborted("no");
                })
                .ToString(),
            "ABORTED: no");
  EXPECT_FALSE(IsUp("a"));
}

// A backend that gives up the transaction in the middle of it, as SQLite does on a full disk.
class GivingUp : public fakes::MemoryBackend {
 public:
  void GiveUp() { Rollback(); }
};

TEST(DatabaseGivingUpTest, OnlyTheClosureThatFilledTheDiskFails) {
  fakes::FakeClock clock;
  fakes::ManualExecutor strand(clock);
  GivingUp backend;
  Database database(backend, strand);
  std::vector<std::string> done;
  const auto queue = [&](const std::string& flag, bool full) {
    database.Run(
        [&backend, flag, full](Stores& stores) -> Status {
          LS_RETURN_IF_ERROR(stores.meta.PutFlag(flag, "up"));
          if (!full) return Status::Ok();
          backend.GiveUp();
          return ResourceExhausted("full");
        },
        [&done, flag](Status status) { done.push_back(flag + " " + status.ToString()); }, strand);
  };
  queue("a", false);
  queue("b", true);
  queue("c", false);
  strand.RunAll();
  EXPECT_EQ(done, (std::vector<std::string>{"a OK", "b RESOURCE_EXHAUSTED: full", "c OK"}));
}

TEST(DatabaseGivingUpTest, AClosureThatOverlooksItIsNotToldThatItIsStored) {
  fakes::FakeClock clock;
  fakes::ManualExecutor strand(clock);
  GivingUp backend;
  Database database(backend, strand);
  const Status status = database.RunNow([&](Stores&) {
    backend.GiveUp();
    return Status::Ok();
  });
  EXPECT_EQ(status.code(), Code::kAborted);
}

}  // namespace
}  // namespace lockstep::controller::store
