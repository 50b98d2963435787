#include "agent/apply/applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/apply/rig.h"
#include "tests/unit/common/fsutil/full_disk.h"

namespace lockstep::agent::apply {
namespace {

using ::testing::HasSubstr;
using v1::Ack;

class ApplierTest : public ::testing::Test {
 protected:
  snapshot::Snapshot At(uint64_t revision) {
    return rig.publisher.MakeSnapshot({{.revision = revision}});
  }
  Ack PushWhole(uint64_t generation) {
    return rig.Take(rig.publisher.MakePush(At(generation), generation));
  }
  ApplierRig rig;
};

TEST_F(ApplierTest, APushIsServedProvedAndRemembered) {
  const Ack ack = PushWhole(1);
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_APPLIED) << ack.reason();
  EXPECT_EQ(ack.serving_digest(), At(1).Digest());
  EXPECT_EQ(ack.observations_size(), 6);
  EXPECT_EQ(rig.Leaf(), LeafOf(1));
  rig.driver.Restart();
  rig.Restart();
  ASSERT_TRUE(rig.applier->Recover({}).ok());
  EXPECT_EQ(rig.Leaf(), LeafOf(1));
}

TEST_F(ApplierTest, ADeltaAppliesToWhatIsServed) {
  PushWhole(1);
  const auto base = At(1);
  const v1::Push push = rig.publisher.MakePush(At(2), 2, &base);
  EXPECT_EQ(push.upserts_size(), 1);  // the certificate
  const Ack ack = rig.Take(push);
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_APPLIED) << ack.reason();
  EXPECT_EQ(rig.Leaf(), LeafOf(2));
}

TEST_F(ApplierTest, ADeltaOnAnotherBaseAsksForTheWhole) {
  PushWhole(1);
  const auto base = At(7);
  EXPECT_EQ(rig.Take(rig.publisher.MakePush(At(2), 2, &base)).outcome(), Ack::OUTCOME_NEED_FULL);
  EXPECT_EQ(rig.generations->seen().generation, 1u);
}

TEST_F(ApplierTest, ADeltaThatGivesAnotherResultAsksForTheWhole) {
  PushWhole(1);
  const auto base = At(1);
  v1::Push push = rig.publisher.MakePush(At(2), 2, &base);
  push.mutable_upserts(0)->set_name("other.example.test");
  EXPECT_EQ(rig.Take(push).outcome(), Ack::OUTCOME_NEED_FULL);
  EXPECT_EQ(rig.Leaf(), LeafOf(1));
}

TEST_F(ApplierTest, AWholeThatIsNotWhatItsManifestNamesIsRejected) {
  v1::Push push = rig.publisher.MakePush(At(1), 1);
  push.mutable_upserts(0)->mutable_body()->push_back('x');
  const Ack ack = rig.Take(push);
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_REJECTED);
  EXPECT_EQ(ack.reason(), "the result is not what the manifest names");
  EXPECT_FALSE(rig.driver.serving());
}

TEST_F(ApplierTest, OlderThanSeenIsNotLookedAt) {
  PushWhole(5);
  const int applied = rig.driver.applied();
  const Ack ack = PushWhole(4);
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_STALE);
  EXPECT_EQ(ack.reason(),
            "epoch 1 generation 4 is older than epoch 1 generation 5, which this node has seen");
  EXPECT_EQ(rig.driver.applied(), applied);
}

TEST_F(ApplierTest, AForkIsRefusedUntilTheEpochIsRaised) {
  PushWhole(5);
  rig.publisher.ForkEpoch();
  EXPECT_THAT(PushWhole(6).reason(), HasSubstr("is a fork of"));
  EXPECT_EQ(rig.Leaf(), LeafOf(5));
  rig.publisher.RaiseEpoch();
  EXPECT_EQ(PushWhole(1).outcome(), Ack::OUTCOME_APPLIED);
}

TEST_F(ApplierTest, AStrangersPushIsRejectedAndNotRemembered) {
  fakes::FakePublisher stranger;
  const Ack ack = rig.Take(stranger.MakePush(stranger.MakeSnapshot({{}}), 99));
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_REJECTED);
  EXPECT_EQ(ack.reason(), "manifest is not signed by the fleet's ca");
  EXPECT_TRUE(rig.generations->seen().none());
}

TEST_F(ApplierTest, WhatTheServerRefusesIsRejectedAndTheOldStays) {
  PushWhole(1);
  rig.driver.FailApply(InvalidArgument("unknown field"));
  const Ack ack = PushWhole(2);
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_REJECTED);
  EXPECT_EQ(ack.reason(), "fake: unknown field");
  EXPECT_EQ(ack.serving_digest(), At(1).Digest());
  EXPECT_EQ(rig.Leaf(), LeafOf(1));
}

TEST_F(ApplierTest, AServerThatIsBeingRestartedIsWaitedFor) {
  PushWhole(1);
  rig.driver.RefuseOnce(Unavailable("no socket"));
  EXPECT_EQ(PushWhole(2).outcome(), Ack::OUTCOME_APPLIED);
  EXPECT_EQ(rig.Leaf(), LeafOf(2));
}

TEST_F(ApplierTest, AServerThatStaysAwayIsReported) {
  PushWhole(1);
  rig.driver.FailApply(Unavailable("no socket"));
  const int before = rig.driver.applied();
  const Ack ack = PushWhole(2);
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_REJECTED);
  EXPECT_EQ(ack.reason(), "fake: no socket");
  EXPECT_EQ(rig.driver.applied() - before, 3) << "as often as the settings say";
}

TEST_F(ApplierTest, WhatIsNotProvedOnTheWireIsRolledBack) {
  PushWhole(1);
  rig.driver.Misserve("www.example.test");
  const Ack ack = PushWhole(2);
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_REJECTED);
  EXPECT_THAT(ack.reason(),
              HasSubstr("not proved on the wire: TLS handshake for www.example.test"));
  EXPECT_EQ(ack.serving_digest(), At(1).Digest());
  EXPECT_EQ(ack.observations_size(), 4);
  rig.driver.ServeRight();
  EXPECT_EQ(rig.Leaf(), LeafOf(1));
  rig.Restart();
  ASSERT_TRUE(rig.applier->Recover({}).ok());
  EXPECT_EQ(rig.Leaf(), LeafOf(1));
}

TEST_F(ApplierTest, ASiteThatIsNotServedAnewIsRolledBack) {
  PushWhole(1);
  rig.driver.MisserveSite("www.example.test");
  const auto other = rig.publisher.MakeSnapshot({{.body = "other"}});
  const Ack ack = rig.Take(rig.publisher.MakePush(other, 2));
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_REJECTED);
  EXPECT_THAT(ack.reason(),
              HasSubstr("not proved on the wire: site www.example.test at 203.0.113.10 shows "
                        "another version"));
  EXPECT_EQ(ack.serving_digest(), At(1).Digest());
  EXPECT_EQ(ack.observations_size(), 2) << "the site alone has changed";
}

TEST_F(ApplierTest, WhatWasRejectedMayBeOfferedAgain) {
  rig.driver.FailCheck(Unavailable("not now"));
  EXPECT_EQ(PushWhole(1).outcome(), Ack::OUTCOME_REJECTED);
  rig.driver.FailCheck(Status::Ok());
  EXPECT_EQ(PushWhole(1).outcome(), Ack::OUTCOME_APPLIED);
}

TEST_F(ApplierTest, WhatIsServedAlreadyIsProvedAnew) {
  PushWhole(1);
  const Ack ack = PushWhole(1);
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_APPLIED);
  EXPECT_EQ(ack.observations_size(), 6);
}

TEST_F(ApplierTest, OnlyWhatChangedIsProvedBeforeTheAnswer) {
  const auto both = [&](uint64_t second) {
    return rig.publisher.MakeSnapshot(
        {{.host = "a.example.test"}, {.host = "b.example.test", .revision = second}});
  };
  rig.Take(rig.publisher.MakePush(both(1), 1));
  const Ack ack = rig.Take(rig.publisher.MakePush(both(2), 2));
  EXPECT_EQ(ack.outcome(), Ack::OUTCOME_APPLIED);
  int others = 0;
  for (const auto& seen : ack.observations()) others += seen.host() != "b.example.test" ? 1 : 0;
  EXPECT_EQ(ack.observations_size() - others, 4);
  EXPECT_LE(others, 2);  // a QUIC look per address: the listener was opened anew
}

TEST_F(ApplierTest, ARollbackNeverBringsAnExpiredCertificateBackWhileANewerOneIsHeld) {
  const int64_t now = ToUnixMicros(rig.clock.Now()) / 1'000'000;
  const auto old = rig.publisher.MakeSnapshot({{.revision = 1, .not_after = now + 60}});
  rig.Take(rig.publisher.MakePush(old, 1));
  rig.clock.Advance(std::chrono::minutes(5));
  // The next one renews the certificate, and breaks something else.
  const auto next = rig.publisher.MakeSnapshot({{.revision = 2}, {.host = "b.example.test"}});
  rig.driver.Misserve("b.example.test");
  EXPECT_EQ(rig.Take(rig.publisher.MakePush(next, 2)).outcome(), Ack::OUTCOME_REJECTED);
  EXPECT_EQ(rig.Leaf(), LeafOf(2));
  EXPECT_FALSE(rig.applier->serving().warnings.empty());
}

TEST_F(ApplierTest, AColdStartPicksTheNewestThatCanBeServed) {
  PushWhole(1);
  PushWhole(2);
  rig.Restart();
  rig.driver.Restart();
  rig.driver.FailApply(Unavailable("no caddy"));
  const int applied = rig.driver.applied();
  EXPECT_EQ(rig.applier->Recover({}).code(), Code::kUnavailable);
  EXPECT_EQ(rig.driver.applied(),
            applied + 1);  // a server that is not there is no reason to go back
  rig.driver.FailApply(Status::Ok());
  ASSERT_TRUE(rig.applier->Recover({}).ok());
  EXPECT_EQ(rig.Leaf(), LeafOf(2));
  EXPECT_EQ(rig.applier->serving().generation->version.generation, 2u);
}

TEST_F(ApplierTest, AColdStartGoesBackFromWhatTheServerRefuses) {
  PushWhole(1);
  PushWhole(2);
  rig.Restart();
  rig.driver.Restart();
  rig.driver.RefuseOnce(InvalidArgument("bad config"));
  ASSERT_TRUE(rig.applier->Recover({}).ok());
  EXPECT_EQ(rig.applier->serving().generation->version.generation, 1u);
  // A certificate that was proved is not taken back with it.
  EXPECT_EQ(rig.Leaf(), LeafOf(2));
}

TEST_F(ApplierTest, AFullDiskIsSaidAndNothingChanges) {
  PushWhole(1);
  const fsutil::FullDisk full;
  auto opened = state::Generations::Open(full / "state", rig.authority());
  ASSERT_TRUE(opened.ok()) << opened.status();
  Applier applier({rig.driver, rig.observer, rig.looks, rig.clock, *opened, rig.authority()});
  const auto big =
      rig.publisher.MakeSnapshot({{.revision = 2, .body = std::string(60'000, 'x')},
                                  {.host = "b.example.test", .body = std::string(60'000, 'y')}});
  const auto ack = applier.Take(rig.publisher.MakePush(big, 2), {});
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->outcome(), Ack::OUTCOME_REJECTED);
  EXPECT_THAT(ack->reason(),
              ::testing::AnyOf(HasSubstr("No space left on device"), HasSubstr("File too large")));
  EXPECT_EQ(rig.Leaf(), LeafOf(1));
}

TEST_F(ApplierTest, AFreshNodeHasNothingToStartFrom) {
  EXPECT_EQ(rig.applier->Recover({}).code(), Code::kNotFound);
}

TEST_F(ApplierTest, AStopMidwayGivesNoAnswer) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(rig.applier->Take(rig.publisher.MakePush(At(1), 1), stop.get_token()));
}

}  // namespace
}  // namespace lockstep::agent::apply
