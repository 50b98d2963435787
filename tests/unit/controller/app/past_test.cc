#include "controller/app/past.h"

#include <gtest/gtest.h>

#include "tests/fakes/publish_rig.h"

namespace lockstep::controller::app {
namespace {

using fakes::SiteOf;
using model::GenerationState;

class PastTest : public ::testing::Test {
 protected:
  Past Read() { return *ReadPast(rig_.database, rig_.clock.Now()); }
  fakes::PublishRig rig_;
};

TEST_F(PastTest, EachStartIsNewAndKnowsWhereItBegins) {
  const Past first = Read();
  rig_.Enrol({"ams1"});
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  rig_.desired.sites = {SiteOf("www.example.test")};
  rig_.Change();
  rig_.Settle({"ams1"});
  const Past second = Read();
  EXPECT_EQ(second.epoch, first.epoch);
  EXPECT_GT(second.start_ordinal, first.start_ordinal);
  ASSERT_EQ(second.published.starts.size(), 2u);
  EXPECT_NE(second.published.starts[0].id, second.published.starts[1].id);
  EXPECT_EQ(second.published.starts[1].first_generation, 2u);
}

TEST_F(PastTest, TheNewestProvedContentComesBackAndWhatWasUnderWayDoesNot) {
  rig_.Enrol({"ams1"});
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  rig_.desired.sites = {SiteOf("www.example.test")};
  rig_.Change();
  rig_.Settle({"ams1"});
  const std::string digest = rig_.Stored(1).digest;
  rig_.desired.sites = {SiteOf("www.example.test", "other")};
  rig_.Change();  // nobody proves it
  const Past past = Read();
  ASSERT_NE(past.published.stable, nullptr);
  EXPECT_EQ(past.published.stable_generation->number, 1u);
  EXPECT_EQ(past.published.stable->shared.Digest(), digest);
  EXPECT_EQ(rig_.StateOf(2), GenerationState::kSuperseded);
  EXPECT_TRUE(rig_.Stored(2).ended_at);
}

TEST_F(PastTest, RecoveryGoesBeyondEveryEpochThatNodesHaveSeen) {
  const Past before = Read();
  const Status flagged = rig_.database.RunNow([](store::Stores& stores) -> Status {
    LS_RETURN_IF_ERROR(stores.meta.PutFlag(store::kReadOnlyFlag, "a fork was seen"));
    return stores.meta.PutFlag(store::kSeenEpochFlag, "7");
  });
  ASSERT_TRUE(flagged.ok());
  EXPECT_EQ(Read().published.read_only_reason, "a fork was seen");
  ASSERT_TRUE(Recover(rig_.database).ok());
  const Past after = Read();
  EXPECT_EQ(after.epoch.counter, 8u);
  EXPECT_NE(after.epoch.id, before.epoch.id);
  EXPECT_TRUE(after.published.read_only_reason.empty());
  ASSERT_TRUE(Recover(rig_.database).ok());
  EXPECT_EQ(Read().epoch.counter, 9u);
}

// Who was marked when the copy was made says nothing of today.
TEST_F(PastTest, RecoveryWithdrawsNobody) {
  (void)Read();
  const Status put = rig_.database.RunNow([](store::Stores& stores) {
    model::KeepingState keeping;
    keeping.nodes[fakes::Node("ams1")].marked_since = FromUnixMicros(1);
    return stores.promises.PutKeeping(keeping);
  });
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(Read().keeping.nodes.size(), 1u);
  ASSERT_TRUE(Recover(rig_.database).ok());
  EXPECT_TRUE(Read().keeping.nodes.empty());
}

// A restored database does not know what was promised since it was copied.
TEST_F(PastTest, RecoveryBooksEverythingThatEveryNodeMayHavePromised) {
  (void)Read();
  rig_.Enrol({"ams1", "fra1"});
  const Status put = rig_.database.RunNow(
      [](store::Stores& stores) { return stores.sites.Put({SiteOf("www.example.test")}); });
  ASSERT_TRUE(put.ok());
  ASSERT_TRUE(Recover(rig_.database).ok());
  const Past after = Read();
  ASSERT_EQ(after.promises.size(), 1u);
  const auto& nodes = after.promises[0].ledger.nodes;
  ASSERT_EQ(nodes.size(), 2u);
  const model::GenerationId begin{after.epoch.counter, 0};
  const model::Offer longest = {{{"h3", "", 443}, Seconds(86400)}};
  EXPECT_EQ(nodes.at(fakes::Node("ams1")).open,
            (std::map<model::GenerationId, model::Offer>{{begin, longest}}));
}

}  // namespace
}  // namespace lockstep::controller::app
