#include "controller/witness/witnesses.h"

#include <gtest/gtest.h>

#include <mutex>

#include "tests/fakes/fleet_rig.h"
#include "tests/fakes/settle.h"

namespace lockstep::controller::witness {
namespace {

using fakes::Node;

constexpr char kHost[] = "www.example.test";
const std::string kLeaf(64, 'a');

// Sees the right certificate wherever it looks, and counts.
class SeeingObserver final : public look::Observer {
 public:
  types::v1::Observation Observe(const look::Look& look, Micros, std::stop_token) override {
    const std::lock_guard lock(mutex_);
    ++looks_;
    return fakes::SeenTls(look.kind, look.host.ascii(), look.address.ToString(), kLeaf);
  }
  int looks() const {
    const std::lock_guard lock(mutex_);
    return looks_;
  }

 private:
  mutable std::mutex mutex_;
  int looks_ = 0;  // guarded by mutex_
};

class WitnessesTest : public ::testing::Test {
 protected:
  WitnessesTest() : pool_("looks", 1), witnesses_({}, rig_.state, rig_.fleet, pool_, observer_) {
    rig_.Enrol({"ams1", "ams2", "fra1"});
    rig_.fleet.AddObserver(&witnesses_);
    rig_.fleet.proofs().ExpectHosts({fakes::Host(kHost)});
  }
  ~WitnessesTest() override { pool_.Stop(); }

  void Connect(const std::vector<std::string>& nodes) {
    for (const std::string& node : nodes) ASSERT_TRUE(rig_.Connect(node).ok());
  }
  model::ProofSubject SubjectOf(const std::string& node) const {
    return {Node(node),
            model::ProbeKind::kTls,
            fakes::Host(kHost),
            "",
            rig_.fleet.Find(Node(node))->node.addresses.front(),
            true};
  }
  void Ask() {
    witnesses_.Ask({SubjectOf("ams1")});
    rig_.state.RunAll();
  }
  size_t AskedOf(const std::string& node) const {
    return rig_.link.WitnessRequestsTo(Node(node)).size();
  }
  agent::v1::AgentMessage ReportTo(const std::string& asked) const {
    agent::v1::AgentMessage message;
    const auto request = rig_.link.WitnessRequestsTo(Node(asked)).back();
    message.mutable_witness_report()->set_request_id(request.request_id());
    *message.mutable_witness_report()->add_observations() =
        fakes::SeenTls(types::v1::PROBE_KIND_TLS, kHost, request.targets(0).address(), kLeaf);
    return message;
  }
  void Refuse(const std::string& node) {
    agent::v1::AgentMessage message;
    message.mutable_witness_report()->set_request_id(
        rig_.link.WitnessRequestsTo(Node(node)).back().request_id());
    message.mutable_witness_report()->set_refused("host is not in my snapshot");
    rig_.Say(node, message);
    rig_.state.AdvanceBy(Seconds(1));
  }

  fakes::FleetRig rig_;
  SeeingObserver observer_;
  task::WorkerPool pool_;
  Witnesses witnesses_;
};

TEST_F(WitnessesTest, ANodeOfAnotherPopIsAskedFirst) {
  Connect({"ams1", "ams2", "fra1"});
  Ask();
  EXPECT_EQ(AskedOf("fra1"), 1u);
  EXPECT_EQ(AskedOf("ams2"), 0u);
  EXPECT_EQ(AskedOf("ams1"), 0u);
  const auto request = rig_.link.WitnessRequestsTo(Node("fra1"))[0];
  EXPECT_EQ(request.subject(), "ams1");
  EXPECT_EQ(request.targets(0).address(), "10.77.0.1");
  rig_.Say("fra1", ReportTo("fra1"));
  ASSERT_EQ(rig_.fleet.book().size(), 1u);
  EXPECT_EQ(rig_.fleet.book().begin()->second.observer, "fra1");
}

TEST_F(WitnessesTest, TheNextOneIsAskedAfterARefusal) {
  Connect({"ams1", "ams2", "fra1"});
  Ask();
  Refuse("fra1");
  Ask();
  EXPECT_EQ(AskedOf("ams2"), 1u);
  EXPECT_EQ(AskedOf("fra1"), 1u);
}

// An older agent would refuse all that it is asked along with it.
TEST_F(WitnessesTest, OnlyWhoKnowsMarksIsAskedForOne) {
  Connect({"ams1", "fra1"});
  ASSERT_TRUE(rig_.Connect("ams2", rig_.MarkingHelloOf("ams2")).ok());
  model::ProofSubject subject = SubjectOf("ams1");
  subject.kind = model::ProbeKind::kSite;
  subject.token = std::string(32, 'a');
  witnesses_.Ask({subject});
  rig_.state.RunAll();
  ASSERT_EQ(AskedOf("ams2"), 1u);
  EXPECT_EQ(AskedOf("fra1"), 0u);
  EXPECT_EQ(rig_.link.WitnessRequestsTo(Node("ams2"))[0].targets(0).token(), subject.token);
}

TEST_F(WitnessesTest, NobodyIsAskedTwiceAtOnce) {
  Connect({"ams1", "ams2", "fra1"});
  Ask();
  Ask();
  EXPECT_EQ(AskedOf("fra1") + AskedOf("ams2"), 1u);
}

TEST_F(WitnessesTest, OneThatDoesNotAnswerIsGivenUp) {
  Connect({"ams1", "ams2", "fra1"});
  Ask();
  rig_.state.AdvanceBy(Seconds(7));
  Ask();
  EXPECT_EQ(AskedOf("ams2"), 1u);
}

TEST_F(WitnessesTest, OneThatGoesAwayIsGivenUp) {
  Connect({"ams1", "ams2", "fra1"});
  Ask();
  rig_.Disconnect("fra1");
  rig_.state.AdvanceBy(Seconds(1));
  Ask();
  EXPECT_EQ(AskedOf("ams2"), 1u);
}

TEST_F(WitnessesTest, NeverTheSubjectNorTheBannedNorSuspects) {
  Connect({"ams1", "ams2"});
  rig_.fleet.Ban(Node("ams2"), "", [](const Status&) {});
  Ask();
  EXPECT_EQ(AskedOf("ams1") + AskedOf("ams2"), 0u);
  ASSERT_TRUE(fakes::RunUntil(rig_.state, [&] { return !rig_.fleet.book().empty(); }));
  EXPECT_EQ(rig_.fleet.book().begin()->second.observer, "controller");
}

TEST_F(WitnessesTest, AReportOfAForeignRequestIsIgnored) {
  Connect({"ams1", "ams2", "fra1"});
  Ask();
  rig_.Say("ams2", ReportTo("fra1"));
  EXPECT_TRUE(rig_.fleet.book().empty());
  rig_.Say("fra1", ReportTo("fra1"));
  EXPECT_EQ(rig_.fleet.book().size(), 1u);
}

TEST_F(WitnessesTest, OnlyWhatWasAskedForCounts) {
  Connect({"ams1", "ams2", "fra1"});
  Ask();
  auto report = ReportTo("fra1");
  report.mutable_witness_report()->mutable_observations(0)->set_address("10.77.0.2");
  rig_.Say("fra1", report);
  EXPECT_TRUE(rig_.fleet.book().empty());
}

TEST_F(WitnessesTest, TheControllerLooksItselfWhereAllRefuse) {
  Connect({"ams1", "ams2", "fra1"});
  Ask();
  Refuse("fra1");
  Ask();
  Refuse("ams2");
  Ask();
  ASSERT_TRUE(fakes::RunUntil(rig_.state, [&] { return !rig_.fleet.book().empty(); }));
  EXPECT_EQ(observer_.looks(), 1);
}

}  // namespace
}  // namespace lockstep::controller::witness
