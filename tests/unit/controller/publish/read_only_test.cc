// Law 2 through the publisher: what it does about nodes that have seen what it never published.
#include <gtest/gtest.h>

#include "controller/publish/publisher.h"
#include "tests/fakes/publish_rig.h"

namespace lockstep::controller::publish {
namespace {

using agent::v1::Ack;
using fakes::Node;
using fakes::SiteOf;

const std::vector<std::string> kNodes = {"ams1", "fra1", "nyc1"};
constexpr char kHost[] = "www.example.test";

class ReadOnlyTest : public ::testing::Test {
 protected:
  ReadOnlyTest() {
    rig_.Enrol(kNodes);
    for (const std::string& name : kNodes) EXPECT_TRUE(rig_.Connect(name).ok());
    rig_.desired.sites = {SiteOf(kHost)};
    rig_.Change();
    rig_.Settle(kNodes);
  }
  Status ConnectHavingSeen(const std::string& name, uint64_t number,
                           const identity::FleetCa& signer) {
    const Manifests books(signer, {1, std::string(16, 'e')});
    model::Generation generation;
    generation.number = number;
    generation.start_id = std::string(16, 's');
    auto hello = rig_.HelloOf(name);
    *hello.mutable_seen() = books.Sign(Node(name), generation, std::string(32, 'd'));
    return rig_.Connect(name, hello);
  }
  void Edit(const std::string& body) { rig_.desired.sites = {SiteOf(kHost, body)}; }

  fakes::PublishRig rig_;
};

TEST_F(ReadOnlyTest, ANodeThatHasSeenOursChangesNothing) {
  EXPECT_TRUE(ConnectHavingSeen("ams1", 1, rig_.ca).ok());
  EXPECT_TRUE(rig_.publisher.read_only_reason().empty());
}

TEST_F(ReadOnlyTest, ANodeThatHasSeenTheLostFutureStopsAllPublishing) {
  EXPECT_TRUE(ConnectHavingSeen("ams1", 9, rig_.ca).ok());
  EXPECT_NE(rig_.publisher.read_only_reason().find("run `lockstep-controller recover`"),
            std::string::npos);
  Edit("other");
  EXPECT_EQ(rig_.publisher.Changed("an operator").status().code(), Code::kFailedPrecondition);
  const size_t before = rig_.link.PushesTo(Node("fra1")).size();
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  EXPECT_EQ(rig_.link.PushesTo(Node("fra1")).size(), before);
  const Status stored = rig_.database.RunNow([&](store::Stores& stores) -> Status {
    EXPECT_EQ(*stores.meta.FindFlag(store::kReadOnlyFlag), rig_.publisher.read_only_reason());
    return Status::Ok();
  });
  EXPECT_TRUE(stored.ok());
}

TEST_F(ReadOnlyTest, NothingIsSentAgainWhileReadOnly) {
  Edit("other");
  rig_.Change();
  EXPECT_TRUE(ConnectHavingSeen("nyc1", 9, rig_.ca).ok());
  const size_t before = rig_.link.PushesTo(Node("ams1")).size();
  rig_.Answer("ams1", Ack::OUTCOME_NEED_FULL);
  rig_.state.AdvanceBy(std::chrono::minutes(5));
  EXPECT_EQ(rig_.link.PushesTo(Node("ams1")).size(), before);
}

TEST_F(ReadOnlyTest, AForgedManifestMakesOnlyThatNodeSuspect) {
  const auto other = identity::FleetCa::Create(rig_.directory / "other", "other", rig_.clock.Now());
  EXPECT_TRUE(ConnectHavingSeen("ams1", 9, *other).ok());
  EXPECT_TRUE(rig_.publisher.read_only_reason().empty());
  EXPECT_FALSE(rig_.fleet.Find(Node("ams1"))->suspect.empty());
  // And its refusals do not freeze the fleet.
  Edit("other");
  const uint64_t number = rig_.Change();
  rig_.Settle({"fra1", "nyc1"});
  EXPECT_EQ(rig_.publisher.proved_generation(), number);
  rig_.Answer("ams1", Ack::OUTCOME_REJECTED, "no");
  EXPECT_EQ(rig_.publisher.proved_generation(), number);
  EXPECT_FALSE(rig_.publisher.FindProgress());
}

}  // namespace
}  // namespace lockstep::controller::publish
