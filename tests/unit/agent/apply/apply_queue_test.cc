#include "agent/apply/apply_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/manual_executor.h"
#include "tests/fakes/settle.h"
#include "tests/unit/agent/apply/rig.h"

namespace lockstep::agent::apply {
namespace {

using ::testing::HasSubstr;
using v1::Ack;

class Heard final : public ApplyEvents {
 public:
  void OnAck(const Ack& ack) override { acks.push_back(ack); }
  void OnProofReport(const v1::ProofReport& report) override { reports.push_back(report); }
  void OnServing(std::shared_ptr<const reconcile::Desired>) override { ++servings; }
  bool LaneInStep() override { return lane_in_step; }

  bool lane_in_step = false;
  std::vector<Ack> acks;
  std::vector<v1::ProofReport> reports;
  int servings = 0;
};

class FakeAnnouncer final : public Announcer {
 public:
  AnnounceReport Report() override {
    return {announced ? AnnounceReport::State::kAnnounced : AnnounceReport::State::kWithdrawn,
            "as told_",
            {"up4 Established"},
            true,
            wanted};
  }
  Status Announce() override {
    announced = true;
    return Status::Ok();
  }
  Result<std::string> Want(Wanted wish, const std::string& reason) override {
    const std::lock_guard lock(mutex_);
    if (!wants_.ok()) return wants_;
    told_.push_back(wish == Wanted::kAnnounced ? "announced" : "withdrawn: " + reason);
    announced = wish == Wanted::kAnnounced;
    return std::string("the file says so");
  }
  std::vector<std::string> Told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  void FailWants(Status status) {
    const std::lock_guard lock(mutex_);
    wants_ = std::move(status);
  }

  std::atomic<bool> announced{false};
  std::atomic<bool> wanted{false};

 private:
  std::mutex mutex_;
  Status wants_;
  std::vector<std::string> told_;
};

class ApplyQueueTest : public ::testing::Test {
 protected:
  ApplyQueueTest() {
    queue.emplace(ApplyQueue::Parts{strand, worker, sweeps, rig.observer, rig.driver, &announcer,
                                    *rig.applier, &wishes},
                  heard, QueueSettings{.soak = Seconds(60), .inspect_every = Seconds(5)});
  }
  ~ApplyQueueTest() override {
    worker.Stop();
    sweeps.Stop();
  }
  void Start() {
    bool ready = false;
    queue->Start([&] { ready = true; });
    ASSERT_TRUE(Until([&] { return ready; }));
  }
  // For a queue that a test makes itself: what works for it ends before it does.
  struct WorkersEnd {
    explicit WorkersEnd(ApplyQueueTest& of) : test(of) {}
    ~WorkersEnd() {
      test.worker.Stop();
      test.sweeps.Stop();
    }
    ApplyQueueTest& test;
  };
  bool Until(const std::function<bool()>& done) { return fakes::RunUntil(strand, done); }
  // Time passes, and whatever it started comes to its end.
  void Pass(Micros by) {
    const int before = rig.observer.looks();
    strand.AdvanceBy(by);
    if (rig.driver.serving()) Until([&] { return rig.observer.looks() > before; });
    Settle();
  }
  void Settle() {
    for (int i = 0; i < 50; ++i) {
      strand.RunAll();
      std::this_thread::yield();
    }
  }
  v1::Push At(uint64_t generation) {
    return rig.publisher.MakePush(rig.publisher.MakeSnapshot({{.revision = generation}}),
                                  generation);
  }
  void Serve(uint64_t generation) {
    const size_t before = heard.acks.size();
    queue->OnPush(At(generation));
    ASSERT_TRUE(Until([&] { return heard.acks.size() > before; }));
    ASSERT_EQ(heard.acks.back().outcome(), Ack::OUTCOME_APPLIED) << heard.acks.back().reason();
  }
  // The inspection after the next five seconds has ended.
  bool Inspected(const std::function<bool()>& done) {
    strand.AdvanceBy(Seconds(5));
    return Until(done);
  }

  v1::AnnounceWish Wish(v1::AnnounceWish::Wish wish) const {
    v1::AnnounceWish out;
    out.set_wish(wish);
    if (wish != v1::AnnounceWish::WISH_ANNOUNCED) out.set_reason("HTTP/3 is broken here");
    return out;
  }
  bool Refuses() const { return rig.driver.serving() && rig.driver.serving()->refuse_quic; }
  // Withdrawn as wished, all of it done.
  void Withdraw() {
    queue->OnWish(Wish(v1::AnnounceWish::WISH_WITHDRAWN));
    ASSERT_TRUE(Until([&] { return Refuses() && queue->view().follow.notes.size() == 2; }));
    ASSERT_TRUE(queue->view().follow.withdrawn());
  }

  ApplierRig rig;
  const state::WishFile wishes{rig.directory.path()};
  fakes::FakeClock& clock = rig.clock;
  fakes::ManualExecutor strand{clock};
  task::WorkerPool worker{"apply", 1};
  task::WorkerPool sweeps{"sweep", 1};
  FakeAnnouncer announcer;
  Heard heard;
  std::optional<ApplyQueue> queue;
};

TEST_F(ApplyQueueTest, AFreshNodeIsReadyWithNothingServed) {
  Start();
  EXPECT_TRUE(queue->view().serving.none());
  EXPECT_FALSE(queue->view().seen);
  EXPECT_THAT(queue->view().capabilities, ::testing::ElementsAre("fake/1.0"));
  EXPECT_EQ(queue->view().announce.state, AnnounceReport::State::kWithdrawn);
}

TEST_F(ApplyQueueTest, APushIsAnsweredAndShowsInTheView) {
  Start();
  Serve(1);
  EXPECT_EQ(queue->view().serving.generation, 1u);
  ASSERT_TRUE(queue->view().seen);
  EXPECT_EQ(heard.servings, 1);
}

TEST_F(ApplyQueueTest, OfPushesThatWaitTheNewestIsTaken) {
  queue->Start([] {});
  queue->OnPush(At(1));
  queue->OnPush(At(3));
  queue->OnPush(At(2));
  ASSERT_TRUE(Until([&] { return heard.acks.size() == 2; }));
  EXPECT_EQ(heard.acks[0].generation(), 2u);
  EXPECT_EQ(heard.acks[0].outcome(), Ack::OUTCOME_STALE);
  EXPECT_EQ(heard.acks[0].reason(), "epoch 1 generation 3 waits to be applied");
  EXPECT_EQ(heard.acks[1].generation(), 3u);
  EXPECT_EQ(heard.acks[1].outcome(), Ack::OUTCOME_APPLIED);
}

TEST_F(ApplyQueueTest, ANewStreamHearsTheLastAnswerAgain) {
  Start();
  queue->OnStreamStarted();
  EXPECT_TRUE(heard.acks.empty());
  Serve(1);
  queue->OnStreamStarted();
  ASSERT_EQ(heard.acks.size(), 2u);
  EXPECT_EQ(heard.acks[1].push_id(), 0u);  // of no push of this stream
  EXPECT_EQ(heard.acks[1].generation(), 1u);
  EXPECT_EQ(heard.acks[1].observations_size(), heard.acks[0].observations_size());
}

TEST_F(ApplyQueueTest, AfterAStartFromDiskThereIsNoAnswerToRepeatAndProofsAreAskedFor) {
  Start();
  Serve(1);
  rig.Restart();
  ApplyQueue again({strand, worker, sweeps, rig.observer, rig.driver, nullptr, *rig.applier},
                   heard);
  const WorkersEnd workers_end(*this);
  bool ready = false;
  again.Start([&] { ready = true; });
  ASSERT_TRUE(Until([&] { return ready; }));
  EXPECT_EQ(again.view().serving.generation, 1u);
  heard.acks.clear();
  heard.reports.clear();
  again.OnStreamStarted();
  EXPECT_TRUE(heard.acks.empty());
  again.OnProofRequest({});
  ASSERT_TRUE(Until([&] { return !heard.reports.empty() && heard.reports.back().complete(); }));
  EXPECT_EQ(heard.reports.back().observations_size(), 6);
}

TEST_F(ApplyQueueTest, AProofRequestLooksAtItsHostsOnly) {
  Start();
  queue->OnPush(rig.publisher.MakePush(
      rig.publisher.MakeSnapshot({{.host = "a.example.test"}, {.host = "b.example.test"}}), 1));
  ASSERT_TRUE(Until([&] { return !heard.acks.empty(); }));
  Until([&] { return !heard.reports.empty(); });
  heard.reports.clear();
  v1::ProofRequest request;
  request.add_hosts("b.example.test");
  queue->OnProofRequest(request);
  ASSERT_TRUE(Until([&] { return !heard.reports.empty(); }));
  EXPECT_TRUE(heard.reports[0].complete());
  ASSERT_EQ(heard.reports[0].observations_size(), 6);
  for (const auto& seen : heard.reports[0].observations()) {
    EXPECT_EQ(seen.host(), "b.example.test");
  }
}

TEST_F(ApplyQueueTest, ARestartedServerGetsItsConfigurationBack) {
  Start();
  Serve(1);
  rig.driver.Restart();
  EXPECT_EQ(rig.Leaf(), "");
  EXPECT_TRUE(Inspected([&] { return rig.Leaf() == LeafOf(1); }));
}

TEST_F(ApplyQueueTest, ACanaryThatSeesAnotherCertificateBringsTheConfigurationBack) {
  Start();
  Serve(1);
  const int applied = rig.driver.applied();
  rig.driver.Misserve("www.example.test");
  EXPECT_TRUE(Inspected([&] { return rig.driver.applied() > applied; }));
  EXPECT_THAT(queue->view().warnings, ::testing::Contains(HasSubstr("showed leaf 000000000000")));
}

TEST_F(ApplyQueueTest, AServerThatStaysAwayIsReportedAsSeenAndSoIsItsReturn) {
  Start();
  Serve(1);
  Until([&] { return !heard.reports.empty(); });
  heard.reports.clear();
  rig.driver.Restart();
  rig.driver.FailApply(Unavailable("connection refused"));
  ASSERT_TRUE(Inspected([&] { return !heard.reports.empty(); }));
  ASSERT_GT(heard.reports.back().observations_size(), 0);
  EXPECT_NE(heard.reports.back().observations(0).error(), "");
  // It comes back with what it served before; nobody had to apply anything.
  rig.driver.FailApply(Status::Ok());
  ASSERT_TRUE(rig.driver.Apply(*queue->view().desired, nullptr).ok());
  heard.reports.clear();
  ASSERT_TRUE(Inspected([&] { return !heard.reports.empty(); }));
  ASSERT_EQ(heard.reports.back().observations_size(), 6);
  for (const auto& seen : heard.reports.back().observations()) EXPECT_EQ(seen.error(), "");
}

TEST_F(ApplyQueueTest, WhatTheDriverWarnsOfShowsUntilItIsOver) {
  Start();
  Serve(1);
  rig.driver.Warn({"the socket is gone"});
  EXPECT_TRUE(Inspected([&] { return queue->view().warnings.size() == 1; }));
  rig.driver.Warn({});
  EXPECT_TRUE(Inspected([&] { return queue->view().warnings.empty(); }));
}

TEST_F(ApplyQueueTest, AServerThatComesUpLateIsServedFromDisk) {
  Start();
  Serve(1);
  rig.Restart();
  rig.driver.Restart();
  rig.driver.FailApply(Unavailable("no socket"));
  ApplyQueue again({strand, worker, sweeps, rig.observer, rig.driver, nullptr, *rig.applier},
                   heard);
  const WorkersEnd workers_end(*this);
  bool ready = false;
  again.Start([&] { ready = true; });
  ASSERT_TRUE(Until([&] { return ready; }));
  EXPECT_TRUE(again.view().serving.none());
  EXPECT_THAT(again.view().warnings,
              ::testing::Contains(HasSubstr("nothing is served: no socket")));
  rig.driver.FailApply(Status::Ok());
  strand.AdvanceBy(Seconds(1));  // much less than between inspections
  EXPECT_TRUE(Until([&] { return again.view().serving.generation == 1; }));
}

TEST_F(ApplyQueueTest, AWithdrawnNodeIsAnnouncedAgainOnlyInStep) {
  Start();
  Serve(1);
  announcer.wanted = true;
  // What it serves is not what it should: never.
  rig.driver.Misserve("www.example.test");
  for (int i = 0; i < 3; ++i) Pass(Seconds(5));
  EXPECT_FALSE(announcer.announced);
  // The certificates are right, the challenges are not known to be.
  rig.driver.ServeRight();
  for (int i = 0; i < 4; ++i) Pass(Seconds(5));
  EXPECT_FALSE(announcer.announced);
  heard.lane_in_step = true;
  for (int i = 0; i < 20 && !announcer.announced; ++i) Pass(Seconds(5));
  EXPECT_TRUE(announcer.announced);
}

TEST_F(ApplyQueueTest, ANodeThatNobodyWantsBackStaysWithdrawn) {
  Start();
  Serve(1);
  heard.lane_in_step = true;
  for (int i = 0; i < 4; ++i) Pass(Seconds(5));
  EXPECT_FALSE(announcer.announced);
}

TEST_F(ApplyQueueTest, ANodeThatIsToWithdrawTellsWhoAnnouncesAndRefusesQuic) {
  Start();
  Serve(1);
  announcer.announced = true;
  Withdraw();
  EXPECT_THAT(announcer.Told(), ::testing::ElementsAre("withdrawn: HTTP/3 is broken here"));
  EXPECT_THAT(
      queue->view().follow.notes,
      ::testing::ElementsAre("the file says so", "QUIC is refused on the service addresses"));
  // TCP is served on, pushes are taken, and QUIC is not looked for.
  EXPECT_EQ(rig.Leaf(), LeafOf(1));
  Serve(2);
  EXPECT_TRUE(Refuses());
  for (const auto& seen : heard.acks.back().observations()) {
    EXPECT_NE(seen.kind(), types::v1::PROBE_KIND_QUIC);
  }
  // Said again it changes nothing.
  queue->OnWish(Wish(v1::AnnounceWish::WISH_WITHDRAWN));
  Settle();
  EXPECT_EQ(announcer.Told().size(), 1u);
}

TEST_F(ApplyQueueTest, AWithdrawnNodeReturnsOnceEverythingIsProved) {
  Start();
  Serve(1);
  Withdraw();
  rig.driver.Misserve("www.example.test");
  queue->OnWish(Wish(v1::AnnounceWish::WISH_ANNOUNCED));
  ASSERT_TRUE(Until([&] { return !Refuses(); }));
  for (int i = 0; i < 4; ++i) Pass(Seconds(5));
  EXPECT_TRUE(queue->view().follow.returning());
  EXPECT_EQ(announcer.Told().size(), 1u);
  rig.driver.ServeRight();
  for (int i = 0; i < 4; ++i) Pass(Seconds(5));
  EXPECT_EQ(announcer.Told().size(), 1u) << "the challenges are not known to be served";
  heard.lane_in_step = true;
  for (int i = 0; i < 20 && announcer.Told().size() < 2; ++i) Pass(Seconds(5));
  EXPECT_EQ(announcer.Told().back(), "announced");
  ASSERT_TRUE(Until([&] { return !queue->view().follow.returning(); }));
  EXPECT_FALSE(wishes.Find());
}

TEST_F(ApplyQueueTest, AWithdrawnNodeIsNotAnnouncedWhoeverElseWantsItBack) {
  Start();
  Serve(1);
  Withdraw();
  announcer.wanted = true;
  heard.lane_in_step = true;
  for (int i = 0; i < 6; ++i) Pass(Seconds(5));
  EXPECT_FALSE(announcer.announced);
}

TEST_F(ApplyQueueTest, ANodeThatIsNeededAllTheSameReturnsWithoutQuic) {
  Start();
  Serve(1);
  heard.lane_in_step = true;
  Withdraw();
  queue->OnWish(Wish(v1::AnnounceWish::WISH_WITHOUT_QUIC));
  for (int i = 0; i < 20 && announcer.Told().size() < 2; ++i) Pass(Seconds(5));
  EXPECT_EQ(announcer.Told().back(), "announced");
  ASSERT_TRUE(Until(
      [&] { return queue->view().follow.phase == v1::AnnounceState::FOLLOWING_WITHOUT_QUIC; }));
  EXPECT_TRUE(Refuses());
  EXPECT_TRUE(wishes.Find()) << "an agent that starts anew refuses QUIC, too";
  queue->OnWish(Wish(v1::AnnounceWish::WISH_ANNOUNCED));
  ASSERT_TRUE(Until([&] { return !Refuses(); }));
  for (int i = 0; i < 20 && wishes.Find(); ++i) Pass(Seconds(5));
  EXPECT_FALSE(wishes.Find());
}

TEST_F(ApplyQueueTest, AnAgentThatStartsWithoutAControllerStaysWithdrawn) {
  Start();
  Serve(1);
  Withdraw();
  rig.Restart();
  rig.driver.Restart();
  ApplyQueue again(
      {strand, worker, sweeps, rig.observer, rig.driver, &announcer, *rig.applier, &wishes}, heard);
  const WorkersEnd workers_end(*this);
  bool ready = false;
  again.Start([&] { ready = true; });
  ASSERT_TRUE(Until([&] { return ready && rig.driver.serving(); }));
  EXPECT_TRUE(again.view().follow.withdrawn());
  EXPECT_TRUE(Refuses());
}

TEST_F(ApplyQueueTest, WhatCouldNotBeWithdrawnIsTriedAgainAndWhatMayNotBeIsTold) {
  Start();
  Serve(1);
  announcer.announced = true;
  announcer.FailWants(Unavailable("bird is not there"));
  queue->OnWish(Wish(v1::AnnounceWish::WISH_WITHDRAWN));
  ASSERT_TRUE(Until([&] { return !queue->view().follow.notes.empty(); }));
  EXPECT_EQ(queue->view().follow.notes[0], "not withdrawn: bird is not there");
  EXPECT_TRUE(Refuses());
  announcer.FailWants(Status::Ok());
  for (int i = 0; i < 10 && announcer.announced; ++i) Pass(Seconds(5));
  EXPECT_FALSE(announcer.announced);
}

TEST_F(ApplyQueueTest, ANodeThatWasNeverToWithdrawHasNothingToReturnFrom) {
  Start();
  Serve(1);
  queue->OnWish(Wish(v1::AnnounceWish::WISH_ANNOUNCED));
  Settle();
  EXPECT_FALSE(queue->view().follow.returning());
  EXPECT_TRUE(announcer.Told().empty());
}

TEST_F(ApplyQueueTest, AGenerationIsKnownGoodAfterAHealthySoak) {
  Start();
  Serve(1);
  const std::string pointer = rig.directory / "generations/LKG";
  rig.driver.Warn({"something is wrong"});
  ASSERT_TRUE(Inspected([&] { return !queue->view().warnings.empty(); }));
  rig.driver.Warn({});
  ASSERT_TRUE(Inspected([&] { return queue->view().warnings.empty(); }));
  for (int i = 0; i < 10; ++i) Pass(Seconds(5));
  EXPECT_FALSE(std::filesystem::exists(pointer));
  for (int i = 0; i < 4; ++i) Pass(Seconds(5));
  EXPECT_TRUE(Until([&] { return std::filesystem::exists(pointer); }));
}

}  // namespace
}  // namespace lockstep::agent::apply
