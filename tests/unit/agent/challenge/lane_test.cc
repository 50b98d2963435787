#include "agent/challenge/lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fakes/fake_driver.h"
#include "tests/fakes/fake_publisher.h"
#include "tests/fakes/manual_executor.h"
#include "tests/fakes/settle.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::challenge {
namespace {

using ::testing::HasSubstr;

const std::string kA(22, 'a');
const std::string kB(22, 'b');

class Heard final : public LaneEvents {
 public:
  void OnLaneAck(const v1::LaneAck& ack) override { acks.push_back(ack); }
  void OnLiveSet(std::shared_ptr<const LiveSet> set) override { live = std::move(set); }
  std::vector<v1::LaneAck> acks;
  std::shared_ptr<const LiveSet> live;
};

class LaneTest : public ::testing::Test {
 protected:
  LaneTest() {
    lane.SetListeners({*IpAddress::Parse("203.0.113.10"), *IpAddress::Parse("2001:db8:a::10")});
  }
  ~LaneTest() override {
    writer.Stop();
    looks.Stop();
  }
  static v1::LaneSet Set(uint64_t sequence, const std::vector<std::string>& tokens,
                         int64_t lease_s = 60) {
    v1::LaneSet set;
    set.set_sequence(sequence);
    set.mutable_lease()->set_seconds(lease_s);
    for (const std::string& token : tokens) {
      types::v1::Challenge* challenge = set.add_challenges();
      challenge->set_order("o-0123456789abcdef");
      challenge->set_host("www.example.test");
      challenge->set_token(token);
      challenge->set_key_authorization(token + "." + fakes::FakePublisher::Thumbprint());
    }
    return set;
  }
  v1::LaneAck Send(const v1::LaneSet& set) {
    const size_t before = heard.acks.size();
    lane.OnLaneSet(set);
    EXPECT_TRUE(Until([&] { return heard.acks.size() > before; }));
    return heard.acks.empty() ? v1::LaneAck() : heard.acks.back();
  }
  bool Until(const std::function<bool()>& done) { return fakes::RunUntil(strand, done); }
  bool Served(const std::string& token) const {
    return std::filesystem::exists(served + "/" + token);
  }

  fakes::TempDirectory temp;
  const std::string served = temp / "served";
  fakes::FakeClock clock;
  fakes::ManualExecutor strand{clock};
  task::WorkerPool writer{"lane", 1};
  task::WorkerPool looks{"look", 2};
  fakes::FakeDriver driver;
  fakes::FakeObserver observer{driver, served};
  Directory directory = *Directory::Open(served);
  Heard heard;
  Lane lane{{strand, writer, looks, observer, directory}, heard};
};

TEST_F(LaneTest, EveryChallengeIsLookedAtOnEveryAddress) {
  const v1::LaneAck ack = Send(Set(1, {kA, kB}));
  EXPECT_EQ(ack.sequence(), 1u);
  EXPECT_EQ(ack.error(), "");
  ASSERT_EQ(ack.observations_size(), 4);
  for (const auto& seen : ack.observations()) EXPECT_EQ(seen.http().status(), 200u);
  EXPECT_EQ(lane.sequence(), 1u);
  EXPECT_EQ(heard.live->challenges.size(), 2u);
}

TEST_F(LaneTest, WhatLeftTheSetIsGoneAndLookedAt) {
  Send(Set(1, {kA, kB}));
  const v1::LaneAck ack = Send(Set(2, {kB}));
  EXPECT_FALSE(Served(kA));
  EXPECT_TRUE(Served(kB));
  ASSERT_EQ(ack.observations_size(), 4);
  int gone = 0;
  for (const auto& seen : ack.observations()) {
    if (seen.token() == kA) gone += seen.http().status() == 404 ? 1 : 0;
  }
  EXPECT_EQ(gone, 2);
}

TEST_F(LaneTest, AnOlderSetOfTheSameStreamIsDropped) {
  Send(Set(5, {kA}));
  lane.OnLaneSet(Set(4, {kB}));
  strand.RunAll();
  EXPECT_TRUE(Served(kA));
  EXPECT_FALSE(Served(kB));
  EXPECT_EQ(lane.sequence(), 5u);
}

TEST_F(LaneTest, ANewStreamMayStartAtAnySequence) {
  Send(Set(5, {kA}));
  lane.OnStreamStarted();
  Send(Set(2, {kB}));
  EXPECT_FALSE(Served(kA));
  EXPECT_TRUE(Served(kB));
}

TEST_F(LaneTest, NothingOutlivesItsLease) {
  Send(Set(1, {kA}, 30));
  strand.AdvanceBy(Seconds(29));
  EXPECT_TRUE(Served(kA));
  strand.AdvanceBy(Seconds(2));
  EXPECT_TRUE(Until([&] { return !Served(kA); }));
  EXPECT_TRUE(heard.live->challenges.empty());
}

TEST_F(LaneTest, TheSameSetAgainRenewsTheLease) {
  Send(Set(1, {kA}, 30));
  strand.AdvanceBy(Seconds(20));
  Send(Set(1, {kA}, 30));
  strand.AdvanceBy(Seconds(20));
  EXPECT_TRUE(Served(kA));
}

TEST_F(LaneTest, AWallClockThatJumpsEndsNoLease) {
  Send(Set(1, {kA}, 30));
  clock.JumpWall(std::chrono::hours(24 * 365));
  strand.AdvanceBy(Seconds(10));
  EXPECT_TRUE(Served(kA));
}

TEST_F(LaneTest, WhatIsNotSeenIsLookedAtAgainUntilItIs) {
  observer.set_blind(true);
  const v1::LaneAck first = Send(Set(1, {kA}));
  EXPECT_EQ(first.observations(0).error(), "connection refused");
  observer.set_blind(false);
  const size_t before = heard.acks.size();
  strand.AdvanceBy(Seconds(1));
  ASSERT_TRUE(Until([&] { return heard.acks.size() > before; }));
  EXPECT_EQ(heard.acks.back().observations(0).http().status(), 200u);
  EXPECT_EQ(heard.acks.back().observations_size(), 2);
}

TEST_F(LaneTest, AMalformedSetChangesNothing) {
  Send(Set(1, {kA}));
  v1::LaneSet bad = Set(2, {kB});
  bad.mutable_challenges(0)->set_token("../../etc/passwd");
  EXPECT_THAT(Send(bad).error(), HasSubstr("lane_set.challenges[0]"));
  bad = Set(2, {kB});
  bad.mutable_challenges(0)->set_key_authorization(kB + ".not a thumbprint");
  EXPECT_THAT(Send(bad).error(), HasSubstr("key_authorization is not token"));
  bad = Set(2, {kB});
  bad.clear_lease();
  EXPECT_THAT(Send(bad).error(), HasSubstr("lease"));
  EXPECT_TRUE(Served(kA));
  EXPECT_FALSE(Served(kB));
}

TEST_F(LaneTest, WithoutAnyListenerItSaysWhyNothingWasSeen) {
  lane.SetListeners({});
  EXPECT_THAT(Send(Set(1, {kA})).error(), HasSubstr("no snapshot yet"));
  const size_t before = heard.acks.size();
  lane.SetListeners({*IpAddress::Parse("203.0.113.10")});
  ASSERT_TRUE(Until([&] { return heard.acks.size() > before; }));
  EXPECT_EQ(heard.acks.back().error(), "");
  EXPECT_EQ(heard.acks.back().observations_size(), 1);
}

TEST_F(LaneTest, ADirectoryThatCannotBeWrittenIsSaid) {
  std::filesystem::remove_all(served);
  EXPECT_THAT(Send(Set(1, {kA})).error(), HasSubstr(served));
}

}  // namespace
}  // namespace lockstep::agent::challenge
