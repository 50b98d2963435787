#include "controller/publish/publisher.h"

#include <gtest/gtest.h>

#include "tests/fakes/publish_rig.h"

namespace lockstep::controller::publish {
namespace {

using agent::v1::Ack;
using fakes::CertificateOf;
using fakes::Node;
using fakes::SiteOf;
using model::GenerationState;

const std::vector<std::string> kNodes = {"ams1", "fra1", "nyc1"};
constexpr char kHost[] = "www.example.test";

class PublisherTest : public ::testing::Test, public PublishObserver {
 protected:
  PublisherTest() { rig_.publisher.AddObserver(this); }
  void OnProved(const model::Generation& generation) override {
    proved_.push_back(generation.number);
  }
  void OnRolledBack(const model::Generation& generation, const std::string& problem) override {
    rolled_back_[generation.number] = problem;
  }
  // Three nodes serve generation 1.
  void Begin() {
    rig_.Enrol(kNodes);
    for (const std::string& name : kNodes) ASSERT_TRUE(rig_.Connect(name).ok());
    rig_.desired.sites = {SiteOf(kHost)};
    ASSERT_EQ(rig_.Change(), 1u);
    rig_.Settle(kNodes);
    ASSERT_EQ(proved_, std::vector<uint64_t>{1});
  }
  void Edit(const std::string& body) { rig_.desired.sites = {SiteOf(kHost, body)}; }

  fakes::PublishRig rig_;
  std::vector<uint64_t> proved_;
  std::map<uint64_t, std::string> rolled_back_;
};

TEST_F(PublisherTest, TheFirstPushIsWholeAndTheNextADelta) {
  Begin();
  const auto first = rig_.link.PushesTo(Node("ams1")).back();
  EXPECT_TRUE(first.base_digest().empty());
  EXPECT_EQ(first.upserts_size(), 3);  // fleet, node, site
  Edit("other");
  rig_.Change();
  const auto second = rig_.link.PushesTo(Node("ams1")).back();
  EXPECT_FALSE(second.base_digest().empty());
  ASSERT_EQ(second.upserts_size(), 1);
  EXPECT_EQ(second.upserts(0).type(), "site");
}

TEST_F(PublisherTest, NothingIsPushedBeforeItsNumberIsOnTheDisk) {
  Begin();
  const Status taken = rig_.database.RunNow([](store::Stores& stores) -> Status {
    model::Generation other = *stores.generations.Get(1);
    other.number = 2;
    return stores.generations.Create(other);
  });
  ASSERT_TRUE(taken.ok());
  Edit("other");
  EXPECT_EQ(rig_.Change(), 2u);
  EXPECT_EQ(rig_.PushedTo("ams1"), 1u);
  EXPECT_TRUE(rolled_back_.contains(2));
  EXPECT_EQ(rig_.Change(), 3u);
  EXPECT_EQ(rig_.PushedTo("ams1"), 3u);
}

TEST_F(PublisherTest, GoesWaveByWave) {
  Begin();
  Edit("other");
  rig_.Change();
  EXPECT_EQ(rig_.PushedTo("ams1"), 2u);
  EXPECT_EQ(rig_.PushedTo("fra1"), 1u);
  rig_.Apply("ams1");
  EXPECT_EQ(rig_.PushedTo("fra1"), 2u);
  EXPECT_EQ(rig_.PushedTo("nyc1"), 1u);
  rig_.Apply("fra1");
  EXPECT_EQ(rig_.PushedTo("nyc1"), 2u);
  EXPECT_EQ(rig_.publisher.proved_generation(), 1u);
  rig_.Apply("nyc1");
  EXPECT_EQ(rig_.publisher.proved_generation(), 2u);
}

TEST_F(PublisherTest, ANodeThatCannotApplyADeltaGetsTheWhole) {
  Begin();
  Edit("other");
  rig_.Change();
  rig_.Answer("ams1", Ack::OUTCOME_NEED_FULL);
  const auto pushes = rig_.link.PushesTo(Node("ams1"));
  EXPECT_TRUE(pushes.back().base_digest().empty());
  EXPECT_EQ(pushes.back().upserts_size(), 3);
  EXPECT_GT(pushes.back().push_id(), pushes[pushes.size() - 2].push_id());
  rig_.Apply("ams1");
  EXPECT_EQ(rig_.PushedTo("fra1"), 2u);
}

TEST_F(PublisherTest, ANackBringsTheOldContentBackAsANewGeneration) {
  Begin();
  Edit("bad");
  rig_.Change();
  rig_.Answer("ams1", Ack::OUTCOME_REJECTED, "caddy: no such directive");
  EXPECT_EQ(rolled_back_.at(2), "node ams1 refused it: caddy: no such directive");
  EXPECT_EQ(rig_.StateOf(2), GenerationState::kRolledBack);
  for (const std::string& name : kNodes) EXPECT_EQ(rig_.PushedTo(name), 3u) << name;
  rig_.Settle(kNodes);
  EXPECT_EQ(rig_.publisher.proved_generation(), 3u);
  EXPECT_EQ(rig_.StateOf(3), GenerationState::kLastKnownGood);
  EXPECT_EQ(rig_.Stored(1).digest, rig_.Stored(3).digest);
}

TEST_F(PublisherTest, TheWordAppliedWithAnotherDigestIsARefusal) {
  Begin();
  Edit("other");
  rig_.Change();
  agent::v1::AgentMessage message;
  message.mutable_ack()->set_push_id(rig_.link.PushesTo(Node("ams1")).back().push_id());
  message.mutable_ack()->set_generation(2);
  message.mutable_ack()->set_outcome(Ack::OUTCOME_APPLIED);
  message.mutable_ack()->set_serving_digest(std::string(32, 'x'));
  rig_.Say("ams1", message);
  EXPECT_TRUE(rolled_back_.contains(2));
}

TEST_F(PublisherTest, ARefusedRollbackStopsThere) {
  Begin();
  Edit("bad");
  rig_.Change();
  rig_.Answer("ams1", Ack::OUTCOME_REJECTED, "no");
  rig_.Answer("fra1", Ack::OUTCOME_REJECTED, "not that either");
  EXPECT_TRUE(rolled_back_.contains(3));
  EXPECT_FALSE(rig_.publisher.FindProgress());
  EXPECT_TRUE(rig_.HasEvent("generation.rollback_failed"));
  rig_.state.AdvanceBy(std::chrono::hours(1));
  EXPECT_EQ(rig_.publisher.newest_generation(), 3u);
  // A person's next change goes out, also one back to what was there before.
  Edit("hello");
  EXPECT_EQ(rig_.Change(), 4u);
}

TEST_F(PublisherTest, ChangesDuringARolloutMergeIntoTheNextGeneration) {
  Begin();
  Edit("two");
  EXPECT_EQ(rig_.Change("first"), 2u);
  Edit("three");
  const uint64_t promised = rig_.Change("second");
  Edit("four");
  EXPECT_EQ(rig_.Change("third"), promised);
  rig_.Settle(kNodes);
  EXPECT_EQ(proved_, (std::vector<uint64_t>{1, 2, promised}));
  EXPECT_EQ(rig_.Stored(promised).cause, "second; third");
}

// The number that a waiting change was promised is never the rollback's: whoever waits for it would
// be told that their change is served.
TEST_F(PublisherTest, AWaitingChangeKeepsItsNumberThroughARollback) {
  Begin();
  Edit("bad");
  EXPECT_EQ(rig_.Change(), 2u);
  Edit("good");
  const uint64_t promised = rig_.Change();
  rig_.Answer("ams1", Ack::OUTCOME_REJECTED, "no");
  EXPECT_LT(rig_.publisher.newest_generation(), promised);
  rig_.Settle(kNodes);
  EXPECT_EQ(rig_.publisher.proved_generation(), promised);
  EXPECT_NE(rig_.Stored(promised).digest, rig_.Stored(1).digest);
  EXPECT_EQ(rig_.Stored(3).cause, "rollback of generation 2");
}

TEST_F(PublisherTest, WhatWasJustRolledBackIsNotTriedAgainAsItIs) {
  Begin();
  Edit("bad");
  rig_.Change();
  rig_.Change("the same again");
  rig_.Answer("ams1", Ack::OUTCOME_REJECTED, "no");
  rig_.Settle(kNodes);
  EXPECT_EQ(rig_.publisher.proved_generation(), 3u);
  EXPECT_FALSE(rig_.publisher.FindProgress());
  EXPECT_TRUE(rig_.HasEvent("generation.not_retried"));
}

TEST_F(PublisherTest, WhatWasRolledBackIsTriedOnceMoreWhenSomebodyAsksForIt) {
  Begin();
  Edit("bad");
  rig_.Change();
  rig_.Answer("ams1", Ack::OUTCOME_REJECTED, "no room on the disk");
  EXPECT_EQ(
      rig_.publisher.TryAgain("again").status(),
      Aborted("generation 3 takes a change back at this moment; try again when it has ended"));
  rig_.Settle(kNodes);
  ASSERT_EQ(rig_.publisher.proved_generation(), 3u);
  // The state that is wanted did not change; what was in its way did.
  EXPECT_EQ(*rig_.publisher.TryAgain("again"), 4u);
  rig_.state.RunAll();
  rig_.Settle(kNodes);
  EXPECT_EQ(rig_.publisher.proved_generation(), 4u);
  EXPECT_EQ(rig_.Stored(4).digest, rig_.Stored(2).digest);
}

TEST_F(PublisherTest, WhoAsksForWhatIsUnderWayIsToldWhichGenerationCarriesIt) {
  Begin();
  EXPECT_EQ(*rig_.publisher.TryAgain("again"), 0u);  // every node serves it
  Edit("new");
  rig_.Change();
  EXPECT_EQ(*rig_.publisher.TryAgain("again"), 2u);
  Edit("newer");
  const uint64_t waiting = rig_.Change();
  EXPECT_EQ(*rig_.publisher.TryAgain("again"), waiting);
}

TEST_F(PublisherTest, ARolloutThatReachedNobodyIsReplaced) {
  rig_.Enrol(kNodes);
  rig_.desired.sites = {SiteOf(kHost)};
  EXPECT_EQ(rig_.Change(), 1u);
  Edit("other");
  EXPECT_EQ(rig_.Change(), 2u);
  EXPECT_EQ(rig_.StateOf(1), GenerationState::kSuperseded);
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  rig_.Settle(kNodes);
  EXPECT_EQ(proved_, std::vector<uint64_t>{2});
}

TEST_F(PublisherTest, NothingNewIsPublishedWhereNothingDiffers) {
  Begin();
  EXPECT_EQ(rig_.Change("the same"), 1u);
  EXPECT_EQ(rig_.publisher.newest_generation(), 1u);
}

// A node may have seen a number that was rolled back; it takes only what is higher.
TEST_F(PublisherTest, TheOldContentGetsANewNumberAfterARolloutThatDidNotEndWell) {
  Begin();
  Edit("bad");
  rig_.Change();
  rig_.Answer("ams1", Ack::OUTCOME_REJECTED, "no");
  rig_.Answer("ams1", Ack::OUTCOME_REJECTED, "no");
  ASSERT_FALSE(rig_.publisher.FindProgress());
  Edit("hello");
  EXPECT_EQ(rig_.Change(), 4u);
}

TEST_F(PublisherTest, ANodeThatReturnsMidwayIsBroughtAlong) {
  Begin();
  rig_.Disconnect("fra1");
  Edit("other");
  rig_.Change();
  rig_.Apply("ams1");
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  rig_.Settle(kNodes);
  EXPECT_EQ(rig_.PushedTo("fra1"), 2u);
  EXPECT_EQ(rig_.publisher.AppliedBy(Node("fra1")), 2u);
}

TEST_F(PublisherTest, ANodeThatReturnsAfterwardsGetsTheNewest) {
  Begin();
  rig_.Disconnect("nyc1");
  Edit("other");
  rig_.Change();
  rig_.Settle({"ams1", "fra1"});
  ASSERT_EQ(rig_.publisher.proved_generation(), 2u);
  ASSERT_TRUE(rig_.Connect("nyc1").ok());
  EXPECT_EQ(rig_.PushedTo("nyc1"), 2u);
}

TEST_F(PublisherTest, ABanDoesNotRollBackWhatTheOthersTook) {
  Begin();
  Edit("other");
  rig_.Change();
  ASSERT_EQ(rig_.PushedTo("ams1"), 2u);
  rig_.fleet.Ban(Node("ams1"), "stolen", [](const Status&) {});
  rig_.Disconnect("ams1");
  rig_.Settle({"fra1", "nyc1"});
  EXPECT_TRUE(rolled_back_.empty());
  EXPECT_EQ(rig_.StateOf(2), GenerationState::kSuperseded);
  EXPECT_EQ(rig_.PushedTo("fra1"), rig_.publisher.proved_generation());
}

TEST_F(PublisherTest, AChangedCertificateIsProvedByLooksNotByWords) {
  Begin();
  rig_.desired.certificates = {CertificateOf(kHost, {kHost}, 'a', rig_.clock.Now())};
  rig_.Change();
  rig_.Apply("ams1");
  EXPECT_EQ(rig_.PushedTo("fra1"), 1u);
  rig_.ShowLocally("ams1", {{{kHost, std::string(64, 'a')}}, {}});
  EXPECT_EQ(rig_.PushedTo("fra1"), 1u);  // a witness has not seen it
  EXPECT_FALSE(rig_.link.WitnessRequestsTo(Node("fra1")).empty() &&
               rig_.link.WitnessRequestsTo(Node("nyc1")).empty());
  rig_.ShowToWitness("ams1", {{{kHost, std::string(64, 'a')}}, {}});
  EXPECT_EQ(rig_.PushedTo("fra1"), 2u);
}

TEST_F(PublisherTest, AMissingProofRollsBackAndSaysWhatWasMissing) {
  Begin();
  rig_.desired.certificates = {CertificateOf(kHost, {kHost}, 'a', rig_.clock.Now())};
  rig_.Change();
  rig_.Apply("ams1");
  rig_.state.AdvanceBy(Seconds(61));
  ASSERT_TRUE(rolled_back_.contains(2));
  EXPECT_EQ(rolled_back_.at(2),
            "node ams1 did not prove it within 1 min 00 s: ams1: TLS certificate for "
            "www.example.test on 203.0.113.10: not seen yet");
}

TEST_F(PublisherTest, DoesNotWaitForANodeWithdrawnWithProof) {
  Begin();
  agent::v1::AgentMessage message;
  message.mutable_heartbeat()->mutable_announce()->set_state(
      agent::v1::AnnounceState::STATE_WITHDRAWN);
  message.mutable_heartbeat()->mutable_announce()->set_confirmed(true);
  rig_.Say("ams1", message);
  rig_.desired.certificates = {CertificateOf(kHost, {kHost}, 'a', rig_.clock.Now())};
  rig_.Change();
  EXPECT_EQ(rig_.PushedTo("ams1"), 2u);
  rig_.Apply("ams1");  // and neither it nor a witness shows the certificate
  EXPECT_EQ(rig_.PushedTo("fra1"), 2u);
}

TEST_F(PublisherTest, LatestWinsWhereANodeIsSlow) {
  Begin();
  Edit("two");
  rig_.Change();
  const auto slow = rig_.link.PushesTo(Node("ams1")).back();
  rig_.Disconnect("ams1");
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  const auto again = rig_.link.PushesTo(Node("ams1")).back();
  EXPECT_GT(again.push_id(), slow.push_id());
  agent::v1::AgentMessage late;  // of the push of the stream before
  late.mutable_ack()->set_push_id(slow.push_id());
  late.mutable_ack()->set_generation(2);
  late.mutable_ack()->set_outcome(Ack::OUTCOME_REJECTED);
  rig_.Say("ams1", late);
  EXPECT_TRUE(rolled_back_.empty());
  rig_.Apply("ams1");
  EXPECT_EQ(rig_.publisher.AppliedBy(Node("ams1")), 2u);
}

// Every node knows the marks of sites, and shows that of the site of generation 1.
class MarkedPublisherTest : public PublisherTest {
 protected:
  void Begin() {
    rig_.Enrol(kNodes);
    for (const std::string& name : kNodes) {
      ASSERT_TRUE(rig_.Connect(name, rig_.MarkingHelloOf(name)).ok());
    }
    rig_.desired.sites = {SiteOf(kHost)};
    ASSERT_EQ(rig_.Change(), 1u);
    for (const std::string& name : kNodes) ServeRight(name);
    ASSERT_EQ(rig_.publisher.proved_generation(), 1u);
  }
  void ServeRight(const std::string& name) {
    rig_.Apply(name);
    rig_.Show(name, Pushed(name));
  }
  fakes::Shown Pushed(const std::string& name) const {
    return {{}, {}, {{kHost, rig_.MarkPushedTo(name)}}};
  }
};

TEST_F(MarkedPublisherTest, AChangedSiteIsProvedByLooksNotByWords) {
  Begin();
  Edit("other");
  rig_.Change();
  rig_.Apply("ams1");
  EXPECT_EQ(rig_.PushedTo("fra1"), 1u) << "it only says so";
  rig_.ShowLocally("ams1", Pushed("ams1"));
  EXPECT_EQ(rig_.PushedTo("fra1"), 1u) << "a witness has not seen it";
  EXPECT_EQ(rig_.publisher.FindProgress()->lacking.at(Node("ams1")),
            "ams1: site www.example.test on 10.77.0.1 (witnessed): not seen yet");
  rig_.ShowToWitness("ams1", Pushed("ams1"));
  EXPECT_EQ(rig_.PushedTo("fra1"), 2u);
}

TEST_F(MarkedPublisherTest, AnOldSiteAtANodeRollsTheChangeBackAndIsNamed) {
  Begin();
  Edit("other");
  rig_.Change();
  rig_.Apply("ams1");
  rig_.ShowLocally("ams1", Pushed("ams1"));
  rig_.fleet.RecordWitnessed(
      Node("ams1"), std::string(16, 'b'), "fra1",
      fakes::SeenMark(kHost, rig_.MarkPushedTo("ams1"), "10.77.0.1", "hello"));
  rig_.state.AdvanceBy(Seconds(61));
  ASSERT_TRUE(rolled_back_.contains(2));
  EXPECT_EQ(rolled_back_.at(2),
            "node ams1 did not prove it within 1 min 00 s: ams1: site www.example.test on "
            "10.77.0.1 (witnessed): shows another version");
}

TEST_F(MarkedPublisherTest, WhatWasSeenOfContentThatComesBackDoesNotCount) {
  Begin();
  Edit("other");
  rig_.Change();
  for (const std::string& name : kNodes) ServeRight(name);
  ASSERT_EQ(rig_.publisher.proved_generation(), 2u);
  Edit("hello");
  rig_.Change();
  rig_.Apply("ams1");
  EXPECT_EQ(rig_.PushedTo("fra1"), 2u);
  rig_.Show("ams1", Pushed("ams1"));
  EXPECT_EQ(rig_.PushedTo("fra1"), 3u);
}

TEST_F(MarkedPublisherTest, WhereAChangeWasRolledBackTheOldContentIsLookedAtAgain) {
  Begin();
  EXPECT_TRUE(rig_.publisher.JudgeFleet().open);
  Edit("bad");
  rig_.Change();
  rig_.Answer("ams1", Ack::OUTCOME_REJECTED, "no");
  rig_.Settle(kNodes);
  ASSERT_EQ(rig_.publisher.proved_generation(), 3u);
  const auto verdict = rig_.publisher.JudgeFleet();
  EXPECT_EQ(verdict.stragglers, std::vector<NodeName>{Node("ams1")});
  EXPECT_EQ(verdict.proved, 2);
}

TEST_F(MarkedPublisherTest, AnOlderAgentIsNotAskedForMarks) {
  Begin();
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  EXPECT_TRUE(rig_.publisher.JudgeFleet().open);
  Edit("other");
  rig_.Change();
  rig_.Apply("ams1");
  EXPECT_EQ(rig_.PushedTo("fra1"), 2u);
  rig_.Apply("fra1");
  EXPECT_EQ(rig_.PushedTo("nyc1"), 1u);
}

TEST_F(MarkedPublisherTest, OldLooksAreForgotten) {
  Begin();
  const size_t before = rig_.fleet.book().size();
  for (const char* body : {"two", "three", "four"}) {
    Edit(body);
    rig_.Change();
    for (const std::string& name : kNodes) ServeRight(name);
  }
  ASSERT_EQ(rig_.publisher.proved_generation(), 4u);
  EXPECT_EQ(rig_.fleet.book().size(), before);
}

class SoakingPublisherTest : public ::testing::Test {
 protected:
  SoakingPublisherTest() {
    rig_.Enrol({"ams1"});
    EXPECT_TRUE(rig_.Connect("ams1").ok());
    rig_.desired.sites = {SiteOf(kHost)};
    rig_.Change();
    rig_.Apply("ams1");
  }
  fakes::PublishRig rig_{Seconds(30)};
};

TEST_F(SoakingPublisherTest, IsLastKnownGoodOnceTheSoakIsOver) {
  EXPECT_EQ(rig_.publisher.proved_generation(), 1u);
  EXPECT_EQ(rig_.publisher.last_known_good(), 0u);
  rig_.state.AdvanceBy(Seconds(30));
  EXPECT_EQ(rig_.publisher.last_known_good(), 1u);
  EXPECT_EQ(rig_.StateOf(1), GenerationState::kLastKnownGood);
}

TEST_F(SoakingPublisherTest, TheOneBeforeStaysLastKnownGoodUntilTheNextHasSoaked) {
  rig_.state.AdvanceBy(Seconds(30));
  rig_.desired.sites = {SiteOf(kHost, "other")};
  rig_.Change();
  rig_.Apply("ams1");
  EXPECT_EQ(rig_.publisher.proved_generation(), 2u);
  EXPECT_EQ(rig_.publisher.last_known_good(), 1u);
  EXPECT_EQ(rig_.StateOf(1), GenerationState::kLastKnownGood);
  rig_.state.AdvanceBy(Seconds(30));
  EXPECT_EQ(rig_.publisher.last_known_good(), 2u);
  EXPECT_EQ(rig_.StateOf(1), GenerationState::kSuperseded);
}

}  // namespace
}  // namespace lockstep::controller::publish
