#include "controller/promises/promises.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/publish/manifests.h"
#include "tests/fakes/publish_rig.h"

namespace lockstep::controller::promises {
namespace {

using fakes::Node;
using Wish = agent::v1::AnnounceWish::Wish;
using AnnounceWish = agent::v1::AnnounceWish;
using Follows = agent::v1::AnnounceState::Following;
using AnnounceState = agent::v1::AnnounceState;
using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> kNodes = {"ams1", "fra1", "nyc1"};
constexpr char kSite[] = "www.example.test";
constexpr char kFirst[] = "h3=\":443\"; ma=300";

// The promises of a fleet whose nodes show whatever they are pushed, unless a test breaks them.
class PromisesTest : public testing::Test {
 protected:
  // `hello` of agents that do not know the marks of sites, if so.
  void Begin(bool old_agents = false) {
    rig_.publisher.SetBookkeeper(&promises_);
    rig_.publisher.AddObserver(&promises_);
    rig_.fleet.AddObserver(&promises_);
    rig_.complete = [this](planner::DesiredState* desired) {
      desired->alt_svc = promises_.Values();
      desired->policy = policy_;
    };
    rig_.Enrol(kNodes);
    for (const std::string& name : kNodes) {
      const auto hello = old_agents ? rig_.HelloOf(name) : rig_.MarkingHelloOf(name);
      ASSERT_TRUE(rig_.Connect(name, hello).ok());
    }
    rig_.desired.sites = {fakes::SiteOf(kSite)};
    rig_.desired.certificates = {
        fakes::CertificateOf(kSite, {kSite}, 'a', rig_.clock.Now() - minutes(1))};
    rig_.Change();
    promises_.Start({[] { return std::vector<std::string>{kSite}; },
                     [this]() -> const model::EdgePolicy& { return policy_; }},
                    [this](const std::string& cause) { (void)rig_.publisher.Changed(cause); });
    Pass(Seconds(10));
  }

  // What a node shows of itself: on its own listeners, and to others.
  void ShowOf(const std::string& name) {
    if (rig_.PushedTo(name) == 0) return;
    const std::string pushed = rig_.MarkPushedTo(name);
    if (!pushed.empty()) marks_[name] = pushed;
    fakes::Shown shown{{{kSite, std::string(64, 'a')}}, {}, {{kSite, marks_[name]}}};
    rig_.ShowLocally(name, shown);
    if (broken_.contains(name)) {
      for (const IpAddress& address : rig_.fleet.Find(Node(name))->node.addresses) {
        types::v1::Observation seen;
        seen.set_kind(types::v1::PROBE_KIND_QUIC);
        seen.set_host(kSite);
        seen.set_address(address.ToString());
        seen.set_error("timed out");
        rig_.fleet.RecordWitnessed(Node(name), rig_.fleet.Find(Node(name))->boot_id, "witness",
                                   seen);
      }
      return;
    }
    rig_.ShowToWitness(name, shown);
  }
  // Time passes; nodes take what they are pushed and show it.
  void Pass(Micros time, Micros step = Seconds(1)) {
    for (Micros passed{0}; passed < time; passed += step) {
      for (const std::string& name : kNodes) {
        const uint64_t pushed = rig_.PushedTo(name);
        if (pushed != 0 && rig_.publisher.AppliedBy(Node(name)) != pushed &&
            !silent_.contains(name)) {
          if (refusing_.contains(name) && PushedValue(name) == refusing_.at(name)) {
            rig_.Answer(name, agent::v1::Ack::OUTCOME_REJECTED, "no");
            continue;
          }
          rig_.Apply(name);
        }
        if (!silent_.contains(name)) ShowOf(name);
      }
      rig_.state.AdvanceBy(step);
      ExpectBooked();
    }
  }
  // The value in the newest push of the site to the node.
  std::string PushedValue(const std::string& name) {
    const auto pushes = rig_.link.PushesTo(Node(name));
    for (auto push = pushes.rbegin(); push != pushes.rend(); ++push) {
      for (const auto& resource : push->upserts()) {
        types::v1::Site site;
        if (resource.type() == "site" && site.ParseFromString(resource.body())) {
          return site.alt_svc();
        }
      }
    }
    return "";
  }
  std::vector<model::SitePromise> Stored() {
    std::vector<model::SitePromise> out;
    reading_ = true;
    const Status read = rig_.database.RunNow([&](store::Stores& stores) -> Status {
      LS_ASSIGN_OR_RETURN(out, stores.promises.List());
      return Status::Ok();
    });
    reading_ = false;
    EXPECT_TRUE(read.ok());
    return out;
  }
  // The controller may be killed at any moment: what was sent is in the store.
  void ExpectBooked() {
    for (const std::string& name : kNodes) {
      const edge::Offer pushed = OfferOf(PushedValue(name));
      if (pushed.empty()) continue;
      const auto stored = Stored();
      ASSERT_EQ(stored.size(), 1u) << name;
      const auto node = stored[0].ledger.nodes.find(Node(name));
      ASSERT_NE(node, stored[0].ledger.nodes.end()) << name;
      bool booked = false;
      for (const auto& [generation, offer] : node->second.open) booked |= offer == pushed;
      EXPECT_TRUE(booked) << name << " was sent what is not booked";
    }
  }
  std::string Value() { return edge::RenderAltSvc(promises_.ValueOf(kSite)); }
  SiteView View() {
    const auto views = promises_.View();
    EXPECT_EQ(views.size(), 1u);
    return views.at(0);
  }
  // What the node was told of its announcements, in order.
  std::vector<agent::v1::AnnounceWish> WishesTo(const std::string& name) {
    std::vector<agent::v1::AnnounceWish> out;
    for (const auto& message : rig_.link.MessagesTo(Node(name))) {
      if (message.has_announce_wish()) out.push_back(message.announce_wish());
    }
    return out;
  }
  std::vector<Wish> KindsTo(const std::string& name) {
    std::vector<Wish> out;
    for (const auto& wish : WishesTo(name)) out.push_back(wish.wish());
    return out;
  }
  void Beat(const std::string& name, Follows following) {
    agent::v1::AgentMessage message;
    auto* announce = message.mutable_heartbeat()->mutable_announce();
    announce->set_state(agent::v1::AnnounceState::STATE_ANNOUNCED);
    announce->set_following(following);
    announce->add_following_notes("bird: disabled service4");
    rig_.Say(name, message);
  }
  model::EdgePolicy WithoutServer(const std::string& node) {
    model::EdgePolicy out;
    out.nodes[Node(node)].settings.quic_server = model::QuicServer::kNone;
    return out;
  }

  fakes::PublishRig rig_;
  model::EdgePolicy policy_;
  Promises promises_{{},         rig_.database,  rig_.state,     rig_.journal,
                     rig_.fleet, rig_.witnesses, rig_.publisher, {},
                     {}};
  std::map<std::string, std::string> marks_;
  bool reading_ = false;                         // the test itself, from the store
  std::set<std::string> broken_;                 // others do not reach them over UDP
  std::set<std::string> silent_;                 // neither take nor show anything
  std::map<std::string, std::string> refusing_;  // a value
};

TEST_F(PromisesTest, PromisesOnceItHasHeldOnEveryNode) {
  Begin();
  Pass(minutes(9), Seconds(10));
  EXPECT_EQ(Value(), "");
  EXPECT_THAT(View().note, HasSubstr("ma=300 in"));
  EXPECT_TRUE(View().next_at.has_value());
  Pass(minutes(2), Seconds(5));
  EXPECT_EQ(Value(), kFirst);
  EXPECT_TRUE(rig_.HasEvent("alt_svc.changed"));
  for (const std::string& name : kNodes) {
    EXPECT_EQ(PushedValue(name), kFirst);
    const NodeView node = View().nodes.at(Node(name));
    EXPECT_EQ(node.values, std::vector<std::string>{kFirst}) << "the older one is closed";
    EXPECT_EQ(node.missing, "");
  }
  Pass(hours(1) + minutes(2), Seconds(20));
  EXPECT_EQ(Value(), "h3=\":443\"; ma=3600");
}

TEST_F(PromisesTest, OneNodeThatOthersDoNotReachKeepsTheFleetFromBeginning) {
  Begin();
  broken_.insert("fra1");
  Pass(hours(1), Seconds(20));
  EXPECT_EQ(Value(), "");
  EXPECT_THAT(View().note, HasSubstr("fra1: "));
  broken_.clear();
  Pass(minutes(12), Seconds(10));
  EXPECT_EQ(Value(), kFirst);
}

TEST_F(PromisesTest, AgentsThatCannotShowWhatTheyServeKeepTheFleetFromBeginning) {
  Begin(true);
  Pass(hours(1), Seconds(20));
  EXPECT_EQ(Value(), "");
}

TEST_F(PromisesTest, NothingIsPromisedWhereANodeHasNoServer) {
  policy_ = WithoutServer("nyc1");
  Begin();
  Pass(hours(1), Seconds(20));
  EXPECT_EQ(Value(), "");
  EXPECT_THAT(View().note, HasSubstr("nyc1 has no QUIC server"));
}

TEST_F(PromisesTest, ThePolicySaysWhetherAndForHowLong) {
  policy_.fleet.alt_svc = false;
  policy_.fleet.alt_svc_floor = minutes(10);
  Begin();
  Pass(hours(1), Seconds(20));
  EXPECT_EQ(Value(), "");
  policy_.fleet.alt_svc.reset();
  Pass(minutes(12), Seconds(10));
  EXPECT_EQ(Value(), "h3=\":443\"; ma=600");
}

// Every transaction fails once: nothing is lost for good, and nothing is sent that is not booked.
TEST_F(PromisesTest, WhatTheStoreDoesNotTakeIsNotSent) {
  Begin();
  Pass(minutes(9), Seconds(10));
  int until_failure = 0;
  int next_gap = 0;
  rig_.backend.OnCommit([&]() -> Status {
    if (reading_ || until_failure-- > 0) return Status::Ok();
    until_failure = ++next_gap;
    return ResourceExhausted("the disk is full");
  });
  Pass(minutes(15));
  EXPECT_EQ(Value(), kFirst);
  EXPECT_EQ(PushedValue("ams1"), kFirst);
}

TEST_F(PromisesTest, ARestartGoesOnWithWhatIsPromisedAndWaitsAnew) {
  Begin();
  Pass(minutes(12), Seconds(5));
  ASSERT_EQ(Value(), kFirst);
  const auto stored = Stored();
  Promises next({}, rig_.database, rig_.state, rig_.journal, rig_.fleet, rig_.witnesses,
                rig_.publisher, stored, {});
  EXPECT_EQ(next.Values(), promises_.Values());
  EXPECT_EQ(next.View().at(0).ramp.held_since, std::nullopt);
  EXPECT_EQ(next.View().at(0).nodes.at(Node("ams1")).values, std::vector<std::string>{kFirst});
}

TEST_F(PromisesTest, WhatIsTakenBackIsClearedUntilNobodyHoldsIt) {
  Begin();
  Pass(minutes(12), Seconds(5));
  ASSERT_EQ(Value(), kFirst);
  const auto breaches = promises_.BreachesOf(WithoutServer("fra1"));
  ASSERT_EQ(breaches.size(), 1u);
  EXPECT_THAT(breaches[0].reason, HasSubstr("fra1 would stop answering HTTP/3"));
  EXPECT_THAT(breaches[0].reason, HasSubstr("still advertised"));

  std::vector<std::string> switched;
  promises_.Switch({kSite}, false, [&](const auto& sites) { switched = sites.value_or({}); });
  Pass(Seconds(20));
  EXPECT_EQ(switched, std::vector<std::string>{kSite});
  EXPECT_EQ(PushedValue("ams1"), "clear");
  EXPECT_THAT(promises_.BreachesOf(WithoutServer("fra1")).at(0).reason,
              HasSubstr("clients may hold h3=\":443\" for another"));
  EXPECT_THAT(promises_.BreachesOf(WithoutServer("fra1")).at(0).outcome,
              HasSubstr("go on trying it"));
  Pass(minutes(17), Seconds(10));  // 300 s, old connections, slack
  EXPECT_EQ(Value(), "");
  EXPECT_THAT(promises_.BreachesOf(WithoutServer("fra1")), IsEmpty());
  Pass(hours(1), Seconds(20));
  EXPECT_EQ(Value(), "") << "switched off";
}

TEST_F(PromisesTest, ANodeThatDoesNotShowTheSwitchHasNoEnd) {
  Begin();
  Pass(minutes(12), Seconds(5));
  silent_.insert("nyc1");
  rig_.Disconnect("nyc1");
  promises_.Switch({kSite}, false, [](const auto&) {});
  Pass(hours(2), Seconds(30));
  EXPECT_EQ(Value(), "clear");
  ASSERT_EQ(View().holds.size(), 1u);
  EXPECT_EQ(View().holds[0].until, std::nullopt);
  EXPECT_EQ(View().holds[0].retirement.unproved, std::vector<NodeName>{Node("nyc1")});
}

TEST_F(PromisesTest, AMachineThatAnOperatorVouchesIsGoneHasAnEndFromThen) {
  Begin();
  Pass(minutes(12), Seconds(5));
  std::optional<Result<std::vector<std::string>>> answer;
  const auto declare = [&](const std::string& name) {
    answer.reset();
    promises_.DeclareGone(Node(name), [&](const auto& sites) { answer = sites; });
    rig_.state.RunAll();
    return answer.value_or(Internal("no answer"));
  };
  EXPECT_EQ(declare("nyc1").status().code(), Code::kFailedPrecondition) << "it is connected";
  EXPECT_EQ(declare("lax1").status().code(), Code::kNotFound);
  silent_.insert("nyc1");
  rig_.Disconnect("nyc1");
  promises_.Switch({kSite}, false, [](const auto&) {});
  Pass(minutes(30), Seconds(30));
  ASSERT_EQ(View().holds.at(0).until, std::nullopt);
  bool removed = false;
  rig_.fleet.Ban(Node("nyc1"), "", [](const Status&) {});
  rig_.fleet.Remove(Node("nyc1"), [&](const Status& status) { removed = status.ok(); });
  Pass(Seconds(5));
  ASSERT_TRUE(removed);
  ASSERT_EQ(View().holds.at(0).until, std::nullopt) << "that it is no node says nothing";
  EXPECT_EQ(declare("nyc1").value_or({}), std::vector<std::string>{kSite});
  EXPECT_TRUE(rig_.HasEvent("node.gone"));
  EXPECT_TRUE(View().holds.at(0).until.has_value());
  EXPECT_TRUE(Stored().at(0).ledger.nodes.at(Node("nyc1")).open.empty());
}

TEST_F(PromisesTest, AValueThatIsRolledBackIsNotTriedWithTheNextChange) {
  refusing_["ams1"] = kFirst;
  refusing_["fra1"] = kFirst;
  refusing_["nyc1"] = kFirst;
  Begin();
  Pass(minutes(11), Seconds(5));
  EXPECT_EQ(Value(), "");
  EXPECT_TRUE(rig_.HasEvent("alt_svc.taken_back"));
  EXPECT_EQ(View().ramp.step_backs, 1u);
}

TEST_F(PromisesTest, ANodeThatLosesHttp3IsMarkedAndThePromiseStays) {
  Begin();
  Pass(minutes(12), Seconds(5));
  ASSERT_EQ(Value(), kFirst);
  broken_.insert("fra1");
  Pass(minutes(1));
  EXPECT_EQ(Value(), kFirst);
  EXPECT_TRUE(rig_.HasEvent("http3.lost"));
  EXPECT_TRUE(promises_.keeping().withdraw.contains(Node("fra1")));
  broken_.clear();
  Pass(minutes(12), Seconds(5));
  EXPECT_TRUE(rig_.HasEvent("http3.back"));
}

TEST_F(PromisesTest, WhereTooManyLoseHttp3ItIsTakenBack) {
  Begin();
  Pass(minutes(12), Seconds(5));
  broken_ = {"ams1", "fra1", "nyc1"};
  Pass(minutes(2));
  EXPECT_EQ(Value(), "clear");
}

TEST_F(PromisesTest, WhoFallsBackToOlderContentIsBookedWithTheLongest) {
  Begin();
  Pass(minutes(12), Seconds(5));
  promises_.Switch({kSite}, false, [](const auto&) {});
  Pass(Seconds(20));
  ASSERT_TRUE(View().holds.at(0).until.has_value());
  rig_.Disconnect("ams1");
  silent_.insert("ams1");
  auto hello = rig_.MarkingHelloOf("ams1");
  hello.set_serving_generation(1);
  ASSERT_TRUE(rig_.Connect("ams1", hello).ok());
  Pass(Seconds(2));
  EXPECT_EQ(View().holds.at(0).until, std::nullopt);
  silent_.clear();
  Pass(Seconds(10));
  ASSERT_TRUE(View().holds.at(0).until.has_value());
  EXPECT_GT(*View().holds.at(0).until, rig_.clock.Now() + hours(24));
}

TEST_F(PromisesTest, ANodeThatIsMarkedIsToldAndToldAgainOnItsNextStream) {
  Begin();
  Pass(minutes(12), Seconds(5));
  broken_.insert("fra1");
  Pass(Seconds(29));
  EXPECT_THAT(KindsTo("fra1"), IsEmpty());
  Pass(Seconds(10));
  ASSERT_THAT(KindsTo("fra1"), ElementsAre(AnnounceWish::WISH_WITHDRAWN));
  EXPECT_THAT(WishesTo("fra1")[0].reason(), HasSubstr("HTTP/3 is promised and broken here"));
  EXPECT_TRUE(WishesTo("fra1")[0].has_since());
  EXPECT_THAT(KindsTo("ams1"), IsEmpty());
  // Stored before it was said.
  model::KeepingState stored;
  ASSERT_TRUE(rig_.database
                  .RunNow([&](store::Stores& stores) -> Status {
                    LS_ASSIGN_OR_RETURN(stored, stores.promises.GetKeeping());
                    return Status::Ok();
                  })
                  .ok());
  EXPECT_TRUE(stored.nodes.at(Node("fra1")).marked_since.has_value());

  rig_.Disconnect("fra1");
  ASSERT_TRUE(rig_.Connect("fra1", rig_.MarkingHelloOf("fra1")).ok());
  Pass(Seconds(3));
  EXPECT_THAT(KindsTo("fra1"),
              ElementsAre(AnnounceWish::WISH_WITHDRAWN, AnnounceWish::WISH_WITHDRAWN));
  broken_.clear();
  Pass(minutes(12), Seconds(5));
  EXPECT_EQ(KindsTo("fra1").back(), AnnounceWish::WISH_ANNOUNCED);
}

TEST_F(PromisesTest, ANodeThatIsWithdrawnForNoReasonOfTodayIsToldToReturn) {
  Begin();
  rig_.Disconnect("fra1");
  auto hello = rig_.MarkingHelloOf("fra1");
  hello.mutable_announce()->set_following(AnnounceState::FOLLOWING_WITHDRAWN);
  ASSERT_TRUE(rig_.Connect("fra1", hello).ok());
  Pass(Seconds(3));
  EXPECT_THAT(KindsTo("fra1"), ElementsAre(AnnounceWish::WISH_ANNOUNCED));
}

TEST_F(PromisesTest, AReadOnlyControllerTellsNobodyToWithdraw) {
  Begin();
  Pass(minutes(12), Seconds(5));
  broken_.insert("fra1");
  // Somebody has seen what this database does not know: a copy of it was restored.
  model::Generation unknown;
  unknown.number = 99;
  unknown.start_id = std::string(16, 's');
  auto hello = rig_.MarkingHelloOf("nyc1");
  *hello.mutable_seen() = publish::Manifests(rig_.ca, {1, std::string(16, 'e')})
                              .Sign(Node("nyc1"), unknown, std::string(32, 'd'));
  (void)rig_.Connect("nyc1", hello);
  ASSERT_FALSE(rig_.publisher.read_only_reason().empty());
  Pass(minutes(5));
  EXPECT_THAT(KindsTo("fra1"), IsEmpty());
}

TEST_F(PromisesTest, NobodyIsToldToWithdrawBelowTheFloor) {
  Begin();
  Pass(minutes(12), Seconds(5));
  broken_ = {"ams1", "fra1", "nyc1"};
  Pass(minutes(5));
  for (const std::string& name : kNodes) EXPECT_THAT(KindsTo(name), IsEmpty()) << name;
}

TEST_F(PromisesTest, WhoIsWithdrawnIsCalledBackWithoutHttp3WhereNobodyElseIsLeft) {
  Begin();
  Pass(minutes(12), Seconds(5));
  broken_.insert("fra1");
  Pass(Seconds(40));
  Beat("fra1", AnnounceState::FOLLOWING_WITHDRAWN);
  for (const char* name : {"ams1", "nyc1"}) {
    silent_.insert(name);
    rig_.Disconnect(name);
  }
  Pass(Seconds(20));
  EXPECT_THAT(KindsTo("fra1"), ElementsAre(AnnounceWish::WISH_WITHDRAWN));
  Pass(Seconds(20));
  EXPECT_THAT(KindsTo("fra1"),
              ElementsAre(AnnounceWish::WISH_WITHDRAWN, AnnounceWish::WISH_WITHOUT_QUIC));
  EXPECT_TRUE(rig_.HasEvent("http3.called_back"));
}

TEST_F(PromisesTest, NoPromiseClimbsOverANodeThatRefusesQuicAsItWasTold) {
  Begin();
  Pass(minutes(12), Seconds(5));
  ASSERT_EQ(Value(), kFirst);
  broken_.insert("fra1");
  Pass(Seconds(40));
  Beat("fra1", AnnounceState::FOLLOWING_WITHDRAWN);
  EXPECT_TRUE(rig_.fleet.Find(Node("fra1"))->RefusesQuic());
  Pass(Seconds(2));
  EXPECT_TRUE(rig_.HasEvent("http3.withdrawn"));
  EXPECT_THAT(View().note, HasSubstr("fra1: refuses HTTP/3 as it was told to"));
  const fleet::LiveNode& ams = *rig_.fleet.Find(Node("ams1"));
  EXPECT_FALSE(ams.RefusesQuic());
  Beat("ams1", AnnounceState::FOLLOWING_WITHDRAWN);
  EXPECT_FALSE(ams.RefusesQuic()) << "nobody told it to";
  Beat("fra1", AnnounceState::FOLLOWING_UNSPECIFIED);
  Pass(Seconds(2));
  EXPECT_TRUE(rig_.HasEvent("http3.returned"));
}

}  // namespace
}  // namespace lockstep::controller::promises
