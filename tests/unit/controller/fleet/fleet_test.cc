#include "controller/fleet/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/fleet_rig.h"

namespace lockstep::controller::fleet {
namespace {

using fakes::FleetRig;
using fakes::Host;
using fakes::Node;

constexpr char kHost[] = "www.example.test";
const std::string kLeaf(64, 'a');

class FleetTest : public ::testing::Test, public FleetObserver {
 protected:
  FleetTest() {
    rig_.Enrol({"ams1", "fra1"});
    rig_.fleet.AddObserver(this);
    rig_.fleet.proofs().ExpectHosts({Host(kHost)});
  }
  void OnNodesChanged(const std::string& cause) override { causes_.push_back(cause); }
  void OnDisconnected(const LiveNode& node) override { gone_.push_back(node.node.name); }

  bool IsMember(const std::string& name) const {
    const auto members = rig_.fleet.Members();
    return std::any_of(members.begin(), members.end(),
                       [&](const auto& member) { return member.node == Node(name); });
  }
  void Announce(const std::string& name, agent::v1::AnnounceState::State state, bool confirmed) {
    agent::v1::AgentMessage message;
    message.mutable_heartbeat()->mutable_announce()->set_state(state);
    message.mutable_heartbeat()->mutable_announce()->set_confirmed(confirmed);
    rig_.Say(name, message);
  }
  Status Remove(const std::string& name) {
    Status out = Internal("no answer");
    rig_.fleet.Remove(Node(name), [&](const Status& status) { out = status; });
    rig_.state.RunAll();
    return out;
  }
  void Report(const std::string& name, const types::v1::Observation& observation) {
    agent::v1::AgentMessage message;
    *message.mutable_proof_report()->add_observations() = observation;
    rig_.Say(name, message);
  }
  types::v1::Observation Tls(const std::string& host, const std::string& address) const {
    return fakes::SeenTls(types::v1::PROBE_KIND_TLS, host, address, kLeaf);
  }

  FleetRig rig_;
  std::vector<std::string> causes_;
  std::vector<NodeName> gone_;
};

TEST_F(FleetTest, GreetsAnEnrolledNode) {
  const auto welcome = rig_.fleet.OnHello(Node("ams1"), 1, rig_.HelloOf("ams1"));
  ASSERT_TRUE(welcome.ok());
  EXPECT_EQ(welcome->session_id().size(), 16u);
  EXPECT_EQ(welcome->epoch().counter(), 1u);
  EXPECT_EQ(welcome->heartbeat_interval().seconds(), 10);
  EXPECT_EQ(welcome->node(), "ams1");
  EXPECT_EQ(welcome->pop(), "ams");
}

TEST_F(FleetTest, RefusesAnUnknownNode) {
  EXPECT_EQ(rig_.Connect("nyc1").ToString(),
            PermissionDenied("node nyc1 is not enrolled; enrol it with a new token").ToString());
}

TEST_F(FleetTest, RefusesABadBootId) {
  auto hello = rig_.HelloOf("ams1");
  hello.set_boot_id("short");
  EXPECT_EQ(rig_.Connect("ams1", hello).code(), Code::kInvalidArgument);
  EXPECT_FALSE(rig_.fleet.Find(Node("ams1"))->connected);
}

TEST_F(FleetTest, ABanCutsTheStreamAndRefusesTheNext) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  rig_.fleet.Ban(Node("ams1"), "stolen", [](const Status& status) { EXPECT_TRUE(status.ok()); });
  ASSERT_EQ(rig_.link.cuts.size(), 1u);
  EXPECT_EQ(rig_.link.cuts[0].first, Node("ams1"));
  EXPECT_TRUE(rig_.fleet.IsBanned(Node("ams1")));
  rig_.state.RunAll();
  EXPECT_EQ(rig_.Connect("ams1").ToString(), PermissionDenied("node ams1 is banned").ToString());
  const Status stored = rig_.database.RunNow([](store::Stores& stores) -> Status {
    EXPECT_TRUE(stores.nodes.Get(Node("ams1"))->banned);
    return Status::Ok();
  });
  EXPECT_TRUE(stored.ok());
}

TEST_F(FleetTest, NothingThatABannedNodeStillSaysCounts) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  rig_.fleet.Ban(Node("ams1"), "stolen", [](const Status&) {});
  Report("ams1", Tls(kHost, FleetRig::kService4));
  EXPECT_TRUE(rig_.fleet.book().empty());
}

TEST_F(FleetTest, ABannedNodeStaysAMemberAndGetsNoSnapshots) {
  rig_.fleet.Ban(Node("ams1"), "", [](const Status&) {});
  EXPECT_TRUE(IsMember("ams1"));
  EXPECT_EQ(rig_.fleet.EnrolledNodes().size(), 1u);
}

TEST_F(FleetTest, AnUnbannedNodeMayConnectAgain) {
  rig_.fleet.Ban(Node("ams1"), "", [](const Status&) {});
  rig_.fleet.Unban(Node("ams1"), [](const Status& status) { EXPECT_TRUE(status.ok()); });
  rig_.state.RunAll();
  EXPECT_FALSE(rig_.fleet.IsBanned(Node("ams1")));
  EXPECT_TRUE(rig_.Connect("ams1").ok());
}

TEST_F(FleetTest, OnlyABannedNodeIsRemoved) {
  EXPECT_EQ(
      Remove("ams1").ToString(),
      FailedPrecondition("node ams1 may still serve; stop its announcements, then ban it first")
          .ToString());
  rig_.fleet.Ban(Node("ams1"), "", [](const Status&) {});
  EXPECT_TRUE(Remove("ams1").ok());
  EXPECT_EQ(rig_.fleet.Find(Node("ams1")), nullptr);
  EXPECT_FALSE(IsMember("ams1"));
  EXPECT_EQ(Remove("ams1").code(), Code::kNotFound);
}

TEST_F(FleetTest, WhoFollowsANodeHearsThatARemovedOneIsGone) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  rig_.fleet.Ban(Node("ams1"), "", [](const Status&) {});
  EXPECT_TRUE(Remove("ams1").ok());
  EXPECT_EQ(gone_, std::vector<NodeName>{Node("ams1")});
}

TEST_F(FleetTest, AWithdrawalCountsOnlyWhileConfirmedAndConnected) {
  using State = agent::v1::AnnounceState;
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  EXPECT_TRUE(IsMember("ams1"));
  Announce("ams1", State::STATE_WITHDRAWN, false);
  EXPECT_TRUE(IsMember("ams1"));  // its own word alone
  Announce("ams1", State::STATE_WITHDRAWN, true);
  EXPECT_FALSE(IsMember("ams1"));
  Announce("ams1", State::STATE_ANNOUNCED, true);
  EXPECT_TRUE(IsMember("ams1"));
  Announce("ams1", State::STATE_WITHDRAWN, true);
  rig_.Disconnect("ams1");
  EXPECT_TRUE(IsMember("ams1"));  // unreachable counts as announcing
}

TEST_F(FleetTest, KeepsWhatSomebodyExpectsAndNothingElse) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  Report("ams1", Tls("elsewhere.test", FleetRig::kService4));
  Report("ams1", Tls(kHost, "198.51.100.1"));
  Report("ams1", Tls("not a name", FleetRig::kService4));
  Report("ams1", fakes::SeenBody(kHost, "foreigntokenforeign", FleetRig::kService4, "x"));
  EXPECT_TRUE(rig_.fleet.book().empty());
  Report("ams1", Tls(kHost, FleetRig::kService4));
  EXPECT_EQ(rig_.fleet.book().size(), 1u);
}

TEST_F(FleetTest, KeepsLooksAtExpectedMarksWhileTheyAreExpected) {
  const std::string one(32, '1'), two(32, '2');
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  rig_.fleet.proofs().ExpectSites({{one, Host(kHost)}});
  rig_.Show("ams1", {{}, {}, {{kHost, one}}});
  rig_.Show("ams1", {{}, {}, {{kHost, two}}});
  rig_.Show("ams1", {{}, {}, {{"other.example.test", one}}});
  EXPECT_EQ(rig_.fleet.book().size(), 3u) << "two of its own, one of a witness";
  rig_.Show("fra1", {{}, {}, {{kHost, one}}});
  rig_.fleet.proofs().ForgetSites({Node("fra1")}, {one});
  EXPECT_EQ(rig_.fleet.book().size(), 3u);
  rig_.fleet.proofs().ExpectSites({{two, Host(kHost)}});
  EXPECT_TRUE(rig_.fleet.book().empty());
}

TEST_F(FleetTest, WhatWitnessesSawOverQuicIsVoidUnderOtherTerms) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  rig_.Show("ams1", {{{kHost, kLeaf}}, {}, {}});
  rig_.Show("fra1", {{{kHost, kLeaf}}, {}, {}});
  const size_t seen = rig_.fleet.book().size();
  const auto witnessed_quic_of = [&](const char* name) {
    return std::ranges::count_if(rig_.fleet.book(), [&](const auto& entry) {
      const model::ProofSubject& subject = entry.first;
      return subject.node == Node(name) && subject.witnessed &&
             subject.kind == model::ProbeKind::kQuic;
    });
  };
  const auto terms = [](bool disabled) {
    model::SiteQuicByHost sites{{Host(kHost), {disabled, Seconds(30), true}}};
    return std::make_shared<const model::QuicTerms>(model::QuicTerms{
        true, {}, std::make_shared<const model::SiteQuicByHost>(std::move(sites))});
  };
  ASSERT_GT(witnessed_quic_of("ams1"), 0);
  rig_.fleet.SetQuicTerms(Node("ams1"), terms(true));
  EXPECT_EQ(witnessed_quic_of("ams1"), 0);
  EXPECT_GT(witnessed_quic_of("fra1"), 0);
  EXPECT_EQ(rig_.fleet.book().size() + 1, seen) << "nothing else is forgotten";

  rig_.Show("ams1", {{{kHost, kLeaf}}, {}, {}});
  rig_.fleet.SetQuicTerms(Node("ams1"), terms(true));  // the same, in another plan
  EXPECT_GT(witnessed_quic_of("ams1"), 0);
  rig_.fleet.SetQuicTerms(Node("ams1"), nullptr);  // back to a server that decides by itself
  EXPECT_EQ(witnessed_quic_of("ams1"), 0);
}

// Each version of a site would leave its own looks behind.
TEST_F(FleetTest, LooksAtSitesAreNotStored) {
  const std::string mark(32, '1');
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  rig_.fleet.proofs().ExpectSites({{mark, Host(kHost)}});
  rig_.Show("ams1", {{{kHost, kLeaf}}, {}, {{kHost, mark}}});
  rig_.state.AdvanceBy(Seconds(2));
  const Status read = rig_.database.RunNow([&](store::Stores& stores) -> Status {
    LS_ASSIGN_OR_RETURN(const auto stored, stores.proofs.List());
    EXPECT_EQ(stored.size(), 6u);
    for (const auto& proof : stored) EXPECT_TRUE(model::IsHandshake(proof.subject.kind));
    return Status::Ok();
  });
  EXPECT_TRUE(read.ok()) << read;
}

TEST_F(FleetTest, AnObservationLargerThanCanBeHonestIsNotKept) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  auto observation = Tls(kHost, FleetRig::kService4);
  observation.mutable_tls()->set_version(std::string(100'000, 'x'));
  Report("ams1", observation);
  EXPECT_TRUE(rig_.fleet.book().empty());
}

TEST_F(FleetTest, WhatANodeSaysOfItselfIsKeptInBounds) {
  auto hello = rig_.HelloOf("ams1");
  for (int i = 0; i < 1000; ++i) hello.add_capabilities(std::string(10'000, 'x'));
  hello.mutable_announce()->set_evidence(std::string(10'000, 'x'));
  for (int i = 0; i < 1000; ++i) hello.mutable_announce()->add_sessions("up");
  ASSERT_TRUE(rig_.Connect("ams1", hello).ok());
  const LiveNode& live = *rig_.fleet.Find(Node("ams1"));
  EXPECT_LE(live.capabilities.size(), 16u);
  EXPECT_LE(live.capabilities[0].size(), 300u);
  EXPECT_LE(live.announce.evidence().size(), 300u);
  EXPECT_LE(live.announce.sessions_size(), 16);
}

TEST_F(FleetTest, AServerThatIsFoundLaterIsKnownFromTheNextSignOfLife) {
  auto hello = rig_.HelloOf("ams1");
  hello.add_capabilities("caddy/2.6.2");
  ASSERT_TRUE(rig_.Connect("ams1", hello).ok());
  const auto beat = [&](const std::vector<std::string>& capabilities) {
    agent::v1::AgentMessage message;
    message.mutable_heartbeat()->mutable_capabilities()->Assign(capabilities.begin(),
                                                                capabilities.end());
    rig_.fleet.OnMessage(Node("ams1"), 1, message);
    return rig_.fleet.Find(Node("ams1"))->capabilities;
  };
  EXPECT_THAT(beat({}), ::testing::Contains("caddy/2.6.2"));
  EXPECT_THAT(beat({"caddy/2.6.2", "lockstep-quicd/0.1.0"}),
              ::testing::ElementsAre("caddy/2.6.2", "lockstep-quicd/0.1.0"));
}

TEST_F(FleetTest, TheFirstOfARowOfGoodLooksIsKept) {
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  const auto look = [&](const std::string& leaf) {
    rig_.clock.Advance(Seconds(1));
    Report("fra1", fakes::SeenTls(types::v1::PROBE_KIND_TLS, kHost, FleetRig::kService4, leaf));
    return rig_.clock.Now();
  };
  const auto since = [&] {
    const auto& [subject, newest] = *rig_.fleet.book().begin();
    EXPECT_EQ(newest.observed_at, rig_.clock.Now());
    return rig_.fleet.proofs().FindFirst(subject)->observed_at;
  };
  const WallTime first = look(kLeaf);
  EXPECT_EQ(since(), first);
  look(kLeaf);
  EXPECT_EQ(since(), first);
  const WallTime other = look(std::string(64, 'b'));
  EXPECT_EQ(since(), other);
  const WallTime again = look(kLeaf);
  look(kLeaf);
  EXPECT_EQ(since(), again);
  auto hello = rig_.HelloOf("fra1");
  hello.set_boot_id(std::string(16, 'n'));
  ASSERT_TRUE(rig_.Connect("fra1", hello).ok());
  const WallTime restarted = look(kLeaf);
  EXPECT_EQ(since(), restarted);
}

TEST_F(FleetTest, AnAnswerWithOtherBytesIsNoProof) {
  model::Challenge challenge;
  challenge.order = *OrderId::Parse(NewOrderId().str());
  challenge.host = Host(kHost);
  challenge.token = *ChallengeToken::Parse("tokentokentoken1");
  challenge.key_authorization = "right";
  rig_.fleet.proofs().ExpectChallenges(challenge.order, {challenge});
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  Report("ams1", fakes::SeenBody(kHost, "tokentokentoken1", FleetRig::kService4, "wrong"));
  ASSERT_EQ(rig_.fleet.book().size(), 1u);
  EXPECT_FALSE(rig_.fleet.book().begin()->second.good);
  Report("ams1", fakes::SeenBody(kHost, "tokentokentoken1", FleetRig::kService4, "right"));
  EXPECT_TRUE(rig_.fleet.book().begin()->second.good);
}

// A look that was asked for before the agent restarted says nothing about the agent of now.
TEST_F(FleetTest, AWitnessedLookBelongsToTheBootItWasAskedFor) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  const std::string old_boot = rig_.fleet.Find(Node("ams1"))->boot_id;
  auto hello = rig_.HelloOf("ams1");
  hello.set_boot_id(std::string(16, 'n'));
  ASSERT_TRUE(rig_.Connect("ams1", hello).ok());
  rig_.fleet.RecordWitnessed(Node("ams1"), old_boot, "fra1",
                             Tls(kHost, rig_.HelloOf("ams1").addresses(0)));
  ASSERT_EQ(rig_.fleet.book().size(), 1u);
  const auto& [subject, proof] = *rig_.fleet.book().begin();
  EXPECT_EQ(barrier::Problem(Fleet::MemberOf(*rig_.fleet.Find(Node("ams1"))), subject, kLeaf,
                             rig_.fleet.book()),
            "seen only before the agent restarted");
}

TEST_F(FleetTest, OtherAddressesAreTold) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  EXPECT_TRUE(causes_.empty());
  auto hello = rig_.HelloOf("ams1");
  hello.clear_addresses();
  for (const char* address : {"10.9.9.9", "fe80::1", "127.0.0.1", "203.0.113.10", "garbage"}) {
    hello.add_addresses(address);
  }
  ASSERT_TRUE(rig_.Connect("ams1", hello).ok());
  EXPECT_EQ(causes_, std::vector<std::string>{"node ams1 has other addresses"});
  EXPECT_EQ(rig_.fleet.Find(Node("ams1"))->node.addresses,
            std::vector<IpAddress>{fakes::Ip("10.9.9.9")});
}

TEST_F(FleetTest, AnOldStreamsEndDoesNotEndTheNewOne) {
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  const uint64_t old = rig_.session("ams1");
  ASSERT_TRUE(rig_.Connect("ams1").ok());
  rig_.fleet.OnClosed(Node("ams1"), old, Unavailable("gone"));
  EXPECT_TRUE(rig_.fleet.Find(Node("ams1"))->connected);
  rig_.Disconnect("ams1");
  EXPECT_FALSE(rig_.fleet.Find(Node("ams1"))->connected);
}

}  // namespace
}  // namespace lockstep::controller::fleet
