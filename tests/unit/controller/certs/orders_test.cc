#include "controller/certs/orders.h"

#include <future>

#include "tests/unit/controller/certs/rig.h"

namespace lockstep::controller::certs {
namespace {

using fakes::Node;
using model::OrderState;

class OrdersTest : public ::testing::Test {
 protected:
  OrdersTest() { rig_.Begin(); }
  void ProveOn(const std::vector<std::string>& nodes) {
    for (const std::string& node : nodes) rig_.ProveChallenge(node);
  }
  // To the commit point.
  OrderId Committed() {
    OrderId id = rig_.Create();
    rig_.Perform(id);
    ProveOn({"ams1", "fra1"});
    EXPECT_EQ(rig_.answer, Status::Ok());
    return id;
  }
  std::string LeafOf(const std::string& lineage) {
    const auto* found = rig_.book.Find(lineage);
    return found == nullptr ? "" : found->leaf_sha256;
  }
  CertsRig rig_;
};

TEST_F(OrdersTest, GoesFromNamesToACertificateOnEveryNode) {
  const OrderId id = rig_.Create();
  ASSERT_EQ(rig_.issuer.requests.size(), 1u);
  EXPECT_EQ(rig_.issuer.requests[0].lineage, CertsRig::kHost);
  EXPECT_EQ(rig_.Get(id).state, OrderState::kOrdering);
  rig_.Perform(id);
  EXPECT_EQ(rig_.Get(id).state, OrderState::kBarrier);
  EXPECT_FALSE(rig_.answer);
  ProveOn({"ams1"});
  EXPECT_FALSE(rig_.answer);
  ProveOn({"fra1"});
  EXPECT_EQ(rig_.answer, Status::Ok());
  EXPECT_EQ(rig_.Get(id).state, OrderState::kValidating);

  rig_.EndIssue(id, rig_.Issued());
  EXPECT_EQ(rig_.Get(id).state, OrderState::kRollingOut);
  EXPECT_FALSE(rig_.challenges.IsLive(id));
  for (const std::string node : {"ams1", "fra1"}) {
    rig_.Apply(node);
    rig_.Show(node, {{{CertsRig::kHost, LeafOf(CertsRig::kHost)}}, {}});
  }
  rig_.state.AdvanceBy(Seconds(1));
  EXPECT_EQ(rig_.Get(id).state, OrderState::kDone);
  EXPECT_EQ(rig_.Get(id).serial, rig_.book.Find(CertsRig::kHost)->serial);
  EXPECT_TRUE(rig_.Get(id).error.empty());
}

// Each node's first look, whatever was seen later: before and after the commit, and of an order
// whose certificate has been replaced.
TEST_F(OrdersTest, TheTimesAtWhichItWasProvedStay) {
  const OrderId id = rig_.Create();
  rig_.Perform(id);
  const WallTime first = rig_.clock.Now();
  ProveOn({"ams1"});
  rig_.state.AdvanceBy(Seconds(2));
  ProveOn({"ams1", "fra1"});
  ASSERT_EQ(rig_.answer, Status::Ok());
  rig_.Show("fra1", {{}, {{CertsRig::kToken, "other bytes"}}});
  const auto expect_first_looks = [&](const std::vector<model::Proof>& proofs) {
    EXPECT_EQ(proofs.size(), 6U);  // two service addresses and the node's own, of each
    for (const model::Proof& proof : proofs) {
      EXPECT_TRUE(proof.good);
      const bool early = proof.subject.node == Node("ams1");
      EXPECT_EQ(proof.observed_at, early ? first : first + Seconds(2)) << proof.subject.node.str();
    }
  };
  expect_first_looks(rig_.fleet.proofs().ProofsOf(id));

  const auto stored =
      [&](Result<std::vector<model::Proof>> (store::ProofStore::*list)(const OrderId&)) {
        std::vector<model::Proof> out;
        EXPECT_TRUE(rig_.database
                        .RunNow([&](store::Stores& stores) -> Status {
                          LS_ASSIGN_OR_RETURN(out, (stores.proofs.*list)(id));
                          return Status::Ok();
                        })
                        .ok());
        return out;
      };
  rig_.EndIssue(id, rig_.Issued());
  expect_first_looks(stored(&store::ProofStore::ListOf));
  const std::string leaf = LeafOf(CertsRig::kHost);
  rig_.Apply("ams1");
  const WallTime served = rig_.clock.Now();
  rig_.Show("ams1", {{{CertsRig::kHost, leaf}}, {}});
  rig_.state.AdvanceBy(Seconds(2));
  rig_.Apply("fra1");
  for (const std::string node : {"ams1", "fra1"}) rig_.Show(node, {{{CertsRig::kHost, leaf}}, {}});
  rig_.state.AdvanceBy(Seconds(1));
  ASSERT_EQ(rig_.Get(id).state, OrderState::kDone);
  rig_.Show("ams1", {{{CertsRig::kHost, std::string(64, 'e')}}, {}});
  const auto kept = stored(&store::ProofStore::ListKept);
  EXPECT_EQ(kept.size(), 12U);  // by TLS and by QUIC
  for (const model::Proof& proof : kept) {
    EXPECT_EQ(proof.seen, leaf);
    const bool early = proof.subject.node == Node("ams1");
    EXPECT_EQ(proof.observed_at, early ? served : served + Seconds(2)) << proof.subject.node.str();
  }
}

TEST_F(OrdersTest, TheDeadlineRefusesAndNamesWhatIsMissing) {
  const OrderId id = rig_.Create();
  rig_.Perform(id);
  ProveOn({"ams1"});
  rig_.state.AdvanceBy(Seconds(30));
  ASSERT_TRUE(rig_.answer);
  EXPECT_EQ(rig_.answer->message(),
            "not every node proved the challenges within 30.00 s: fra1: challenge for "
            "www.example.test on 203.0.113.10: not seen yet; fra1: challenge for "
            "www.example.test on 2001:db8:a::10: not seen yet");
  EXPECT_FALSE(rig_.challenges.IsLive(id));
  rig_.EndIssue(id, {Unknown("certbot failed"), "", "", ""});
  EXPECT_EQ(rig_.Get(id).state, OrderState::kFailed);
  EXPECT_EQ(rig_.Get(id).error, rig_.answer->message());
}

TEST_F(OrdersTest, AnUnreachableNodeCountsAsAnnouncing) {
  rig_.Disconnect("fra1");
  const OrderId id = rig_.Create();
  rig_.Perform(id);
  ProveOn({"ams1"});
  rig_.state.AdvanceBy(Seconds(30));
  ASSERT_TRUE(rig_.answer);
  EXPECT_NE(rig_.answer->message().find("fra1: is not connected and counts as announcing"),
            std::string::npos);
  EXPECT_EQ(rig_.Get(id).state, OrderState::kOrdering);
}

TEST_F(OrdersTest, ANodeThatRestartsBeforeTheCommitHasToProveAgain) {
  const OrderId id = rig_.Create();
  rig_.Perform(id);
  ProveOn({"ams1"});
  auto hello = rig_.HelloOf("ams1");
  hello.set_boot_id(std::string(16, 'n'));
  ASSERT_TRUE(rig_.Connect("ams1", hello).ok());
  ProveOn({"fra1"});
  EXPECT_FALSE(rig_.answer);
  ProveOn({"ams1"});
  EXPECT_EQ(rig_.answer, Status::Ok());
}

TEST_F(OrdersTest, TheDeathOfCertbotAnswersWhoWaits) {
  const OrderId id = rig_.Create();
  rig_.Perform(id);
  rig_.EndIssue(id, {Unavailable("certbot was killed"), "", "", ""});
  ASSERT_TRUE(rig_.answer);
  EXPECT_EQ(rig_.answer->message(), "certbot ended before the barrier opened");
  EXPECT_EQ(rig_.Get(id).state, OrderState::kFailed);
  EXPECT_FALSE(rig_.challenges.IsLive(id));
}

TEST_F(OrdersTest, ASuccessThatCertbotClaimsBeforeTheBarrierIsNone) {
  const OrderId id = rig_.Create();
  rig_.Perform(id);
  rig_.EndIssue(id, rig_.Issued());
  ProveOn({"ams1", "fra1"});
  EXPECT_EQ(rig_.Get(id).state, OrderState::kFailed);
  EXPECT_EQ(rig_.book.Find(CertsRig::kHost), nullptr);
}

TEST_F(OrdersTest, ARefusalStandsWhateverCertbotClaims) {
  const OrderId id = rig_.Create();
  rig_.Perform(id);
  rig_.state.AdvanceBy(Seconds(30));
  rig_.Perform(id);
  EXPECT_EQ(rig_.answer->code(), Code::kFailedPrecondition);
  rig_.EndIssue(id, rig_.Issued());
  EXPECT_EQ(rig_.Get(id).state, OrderState::kFailed);
}

TEST_F(OrdersTest, ChallengesAreTakenOnce) {
  const OrderId id = rig_.Create();
  rig_.Perform(id);
  rig_.Perform(id);
  ASSERT_TRUE(rig_.answer);
  EXPECT_EQ(rig_.answer->message(), "order is barrier and takes no challenges");
}

TEST_F(OrdersTest, AWrongSecretGetsNothingDone) {
  const OrderId id = rig_.Create();
  Status refused;
  rig_.orders.Perform(id, "wrong", rig_.ChallengesOf(),
                      [&](const Status& status) { refused = status; });
  EXPECT_EQ(refused.code(), Code::kPermissionDenied);
  rig_.orders.Cleanup(id, "wrong", [&](const Status& status) { refused = status; });
  EXPECT_EQ(refused.code(), Code::kPermissionDenied);
  EXPECT_EQ(rig_.Get(id).state, OrderState::kOrdering);
}

TEST_F(OrdersTest, AHostOutsideTheOrderIsRefused) {
  const OrderId id = rig_.Create();
  rig_.Perform(id, rig_.ChallengesOf("other.example.test"));
  EXPECT_EQ(rig_.answer->message(), "host other.example.test is not in order " + id.str());
}

TEST_F(OrdersTest, AKeyAuthorizationMustBeTokenAndThumbprint) {
  const OrderId id = rig_.Create();
  for (const std::string& bad : {std::string("nonsense"), std::string(CertsRig::kToken) + ".short",
                                 CertsRig::Body() + "x"}) {
    auto handed = rig_.ChallengesOf();
    handed[0].key_authorization = bad;
    rig_.Perform(id, handed);
    EXPECT_EQ(rig_.answer->message(),
              "key authorization for www.example.test is not token \".\" thumbprint");
  }
  rig_.Perform(id, {});
  EXPECT_EQ(rig_.answer->message(), "challenges: at least one is needed");
}

TEST_F(OrdersTest, AnOrderOfAControllerThatDiedSaysWhetherTheCaMayHaveLooked) {
  model::Order left = rig_.Get(rig_.Create());
  const auto stored_error = [&] {
    rig_.orders.FailLeftovers({left});
    std::optional<Status> read;  // after the writes, which are queued before it
    std::string error;
    rig_.database.Run(
        [&](store::Stores& stores) -> Status {
          LS_ASSIGN_OR_RETURN(const model::Order order, stores.orders.Get(left.id));
          error = order.error;
          return Status::Ok();
        },
        [&](const Status& status) { read = status; }, rig_.state);
    EXPECT_TRUE(fakes::RunUntil(rig_.state, [&] { return read.has_value(); }));
    EXPECT_EQ(read, Status::Ok());
    return error;
  };
  EXPECT_EQ(stored_error(),
            "the controller stopped before the commit: the CA was not told to look");
  left.steps.push_back({"committed", "the CA may look", rig_.clock.Now()});
  EXPECT_EQ(stored_error(), "the controller stopped after the commit: the CA may have looked");
}

// What the disk is about to hold of the order says that the CA may look.
class CommitTest : public OrdersTest {
 protected:
  void SetUp() override {
    id_ = rig_.Create();
    rig_.Perform(id_);
    ProveOn({"ams1"});
    rig_.backend.OnCommit([this]() -> Status {
      if (!IsCommitted(**rig_.backend.stores().orders.Find(id_))) return Status::Ok();
      ++writes_;
      return on_write_();
    });
  }
  void TearDown() override {
    rig_.backend.OnCommit([] { return Status::Ok(); });
  }
  static bool IsCommitted(const model::Order& order) {
    return std::ranges::any_of(order.steps,
                               [](const auto& step) { return step.what == "committed"; });
  }
  model::Order Stored() {
    model::Order out;
    EXPECT_TRUE(rig_.database
                    .RunNow([&](store::Stores& stores) -> Status {
                      LS_ASSIGN_OR_RETURN(out, stores.orders.Get(id_));
                      return Status::Ok();
                    })
                    .ok());
    return out;
  }
  void ExpectNeverCommitted() {
    EXPECT_FALSE(IsCommitted(rig_.Get(id_)));
    EXPECT_FALSE(IsCommitted(Stored()));
    EXPECT_FALSE(rig_.challenges.IsLive(id_));
  }

  OrderId id_;
  int writes_ = 0;
  std::function<Status()> on_write_ = [] { return Status::Ok(); };
};

TEST_F(CommitTest, IsOnTheDiskBeforeItIsAnswered) {
  std::vector<bool> answered;
  on_write_ = [&] {
    answered.push_back(rig_.answer.has_value());
    return Status::Ok();
  };
  ProveOn({"fra1"});
  ASSERT_FALSE(answered.empty());
  EXPECT_FALSE(answered.front());
  EXPECT_EQ(rig_.answer, Status::Ok());
  EXPECT_EQ(Stored().state, OrderState::kValidating);
  EXPECT_EQ(Stored(), rig_.Get(id_));
}

TEST_F(CommitTest, AFailedWriteRefuses) {
  on_write_ = [] { return ResourceExhausted("the disk is full"); };
  ProveOn({"fra1"});
  EXPECT_EQ(rig_.answer, ResourceExhausted("the commit could not be stored: the disk is full"));
  ExpectNeverCommitted();
  rig_.EndIssue(id_, {Unknown("certbot failed"), "", "", ""});
  EXPECT_EQ(rig_.Get(id_).state, OrderState::kFailed);
  EXPECT_EQ(rig_.Get(id_).error, "the commit could not be stored: the disk is full");
}

TEST_F(CommitTest, AWriteThatOutlastsTheDeadlineRefuses) {
  on_write_ = [&] {
    rig_.clock.Advance(Seconds(30));
    return Status::Ok();
  };
  ProveOn({"fra1"});
  EXPECT_EQ(rig_.answer,
            DeadlineExceeded("the commit could not be stored within the barrier's 30.00 s"));
  ExpectNeverCommitted();
}

TEST_F(CommitTest, ANodeLostDuringTheWriteHoldsItUp) {
  on_write_ = [&] {
    if (writes_ == 1) {
      rig_.fleet.OnClosed(Node("fra1"), rig_.session("fra1"), Unavailable("gone"));
    }
    return Status::Ok();
  };
  ProveOn({"fra1"});
  EXPECT_FALSE(rig_.answer);
  EXPECT_FALSE(IsCommitted(rig_.Get(id_)));
  EXPECT_FALSE(IsCommitted(Stored()));
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  rig_.state.AdvanceBy(Seconds(1));
  EXPECT_EQ(rig_.answer, Status::Ok());
  EXPECT_TRUE(IsCommitted(Stored()));
}

TEST_F(CommitTest, CertbotThatDiesDuringTheWriteIsToldNothingElse) {
  on_write_ = [&] {
    rig_.issuer.End(id_, {Unavailable("certbot was killed"), "", "", ""});
    return Status::Ok();
  };
  // What the issuer says is queued before the database's word.
  ProveOn({"fra1"});
  EXPECT_EQ(rig_.answer, Aborted("certbot ended before the barrier opened"));
  EXPECT_EQ(rig_.Get(id_).state, OrderState::kFailed);
  ExpectNeverCommitted();
}

TEST_F(CommitTest, StoppingDuringTheWriteAnswersOnce) {
  on_write_ = [&] {
    rig_.orders.AbortAll("the controller is stopping");
    return Status::Ok();
  };
  ProveOn({"fra1"});
  EXPECT_EQ(rig_.answer, Aborted("the controller is stopping"));
  ExpectNeverCommitted();
}

TEST_F(OrdersTest, ALossAfterTheCommitIsOnRecord) {
  const OrderId id = Committed();
  rig_.Disconnect("fra1");
  EXPECT_EQ(rig_.Get(id).state, OrderState::kValidating);
  EXPECT_EQ(rig_.Get(id).after_commit,
            std::vector<std::string>{"fra1: the session ended while the CA was looking"});
}

TEST_F(OrdersTest, WhatCertbotLeavesIsCheckedBeforeItIsServed) {
  const OrderId id = Committed();
  rig_.EndIssue(id, rig_.Issued("other.example.test"));
  EXPECT_EQ(rig_.Get(id).state, OrderState::kFailed);
  EXPECT_EQ(rig_.Get(id).error.find("what certbot stored cannot be served: "), 0u);
  EXPECT_EQ(rig_.book.Find(CertsRig::kHost), nullptr);
}

TEST_F(OrdersTest, ARollbackFailsTheOrder) {
  const OrderId id = Committed();
  rig_.EndIssue(id, rig_.Issued());
  rig_.Answer("ams1", agent::v1::Ack::OUTCOME_REJECTED, "caddy said no");
  EXPECT_EQ(rig_.Get(id).state, OrderState::kFailed);
  EXPECT_EQ(rig_.Get(id).error,
            "generation 2 was rolled back: node ams1 refused it: caddy said no");
}

TEST_F(OrdersTest, TheCasOwnWordsAreKept) {
  const OrderId id = Committed();
  rig_.EndIssue(id, {Unknown("the CA refused it"), "urn:ietf:params:acme:error:caa", "", ""});
  EXPECT_EQ(rig_.Get(id).ca_error, "urn:ietf:params:acme:error:caa");
  EXPECT_EQ(rig_.Get(id).error, "the CA refused it");
}

TEST_F(OrdersTest, RunsSideBySideUpToTheLimit) {
  const OrderId first = rig_.Create("a.example.test");
  rig_.Create("b.example.test");
  const OrderId third = rig_.Create("c.example.test");
  EXPECT_EQ(rig_.issuer.requests.size(), 2u);
  EXPECT_EQ(rig_.Get(third).state, OrderState::kQueued);
  rig_.EndIssue(first, {Unknown("failed"), "", "", ""});
  EXPECT_EQ(rig_.issuer.requests.size(), 3u);
  EXPECT_EQ(rig_.Get(third).state, OrderState::kOrdering);
}

TEST_F(OrdersTest, AnOrderThatRollsOutLeavesItsPlaceToTheNext) {
  const OrderId first = rig_.Create();
  rig_.Create("b.example.test");
  const OrderId third = rig_.Create("c.example.test");
  rig_.Perform(first);
  ProveOn({"ams1"});
  ProveOn({"fra1"});
  EXPECT_EQ(rig_.Get(third).state, OrderState::kQueued);
  rig_.EndIssue(first, rig_.Issued());
  EXPECT_EQ(rig_.Get(first).state, OrderState::kRollingOut);
  EXPECT_EQ(rig_.Get(third).state, OrderState::kOrdering);
}

TEST_F(OrdersTest, OneOpenOrderALineage) {
  rig_.Create();
  const auto again = rig_.orders.Create({fakes::Host(CertsRig::kHost)}, "", "operator");
  EXPECT_EQ(again.status().code(), Code::kAlreadyExists);
}

TEST_F(OrdersTest, NamesOfACertificateAreNotDroppedUnlessThatIsMeant) {
  const auto hosts = [](const std::vector<std::string>& names) {
    std::vector<Hostname> out;
    for (const std::string& name : names) out.push_back(fakes::Host(name));
    return out;
  };
  rig_.book.Load({fakes::CertificateOf(CertsRig::kHost,
                                       {CertsRig::kHost, "a.example.test", "b\u00fccher.test"}, 'a',
                                       rig_.clock.Now())});
  const auto create = [&](const std::vector<std::string>& names, Orders::Dropping dropping) {
    const auto order = rig_.orders.Create(hosts(names), "", "operator", dropping);
    rig_.state.RunAll();
    if (order.ok()) rig_.EndIssue(order->id, {Unknown("failed"), "", "", ""});
    return order.status();
  };
  using enum Orders::Dropping;
  EXPECT_EQ(
      create({CertsRig::kHost, "b.example.test"}, kRefuse),
      AlreadyExists("certificate www.example.test would lose a.example.test, b\u00fccher.test "
                    "(xn--bcher-kva.test): name all of them, choose another certificate with "
                    "--name, or mean it with --drop-names"));
  EXPECT_TRUE(rig_.issuer.requests.empty());
  EXPECT_TRUE(create({"a.example.test", CertsRig::kHost, "b\u00fccher.test"}, kRefuse).ok());
  EXPECT_TRUE(
      create({CertsRig::kHost, "a.example.test", "b\u00fccher.test", "c.test"}, kRefuse).ok());
  EXPECT_TRUE(create({"b.example.test"}, kRefuse).ok());
  EXPECT_TRUE(create({CertsRig::kHost, "b.example.test"}, kAllow).ok());
}

TEST_F(OrdersTest, StoppingEndsEverythingAndAnswersWhoWaits) {
  const OrderId id = rig_.Create();
  rig_.Perform(id);
  rig_.orders.AbortAll("the controller is stopping");
  rig_.state.RunAll();
  EXPECT_EQ(rig_.answer->message(), "the controller is stopping");
  EXPECT_EQ(rig_.issuer.cancelled, std::vector<OrderId>{id});
  EXPECT_EQ(rig_.Get(id).state, OrderState::kFailed);
}

TEST(RehearsedOrdersTest, AFailedRehearsalRefuses) {
  CertsRig rig(witness::RehearsalMode::kRequire);
  rig.Begin();
  const OrderId id = rig.Create();
  rig.Perform(id);
  rig.ProveChallenge("ams1");
  rig.ProveChallenge("fra1");
  ASSERT_TRUE(fakes::RunUntil(rig.state, [&] { return rig.answer.has_value(); }));
  EXPECT_EQ(rig.answer->message().find("the rehearsal failed: "), 0u) << *rig.answer;
  EXPECT_FALSE(rig.Get(id).rehearsal.empty());
}

TEST(RehearsedOrdersTest, ANodeThatRestartsDuringTheRehearsalHasToProveAgain) {
  CertsRig rig(witness::RehearsalMode::kWarn);
  rig.Begin();
  // The rehearsal waits behind this until the node has restarted.
  std::promise<void> restarted;
  rig.pool.Post([wait = restarted.get_future().share()](std::stop_token) { wait.wait(); });
  const OrderId id = rig.Create();
  rig.Perform(id);
  rig.ProveChallenge("ams1");
  rig.ProveChallenge("fra1");
  ASSERT_EQ(rig.Get(id).state, OrderState::kRehearsal);
  auto hello = rig.HelloOf("ams1");
  hello.set_boot_id(std::string(16, 'n'));
  ASSERT_TRUE(rig.Connect("ams1", hello).ok());
  restarted.set_value();
  ASSERT_TRUE(fakes::RunUntil(rig.state, [&] { return !rig.Get(id).rehearsal.empty(); }));
  EXPECT_FALSE(rig.answer);
  EXPECT_EQ(rig.Get(id).state, OrderState::kBarrier);
  rig.ProveChallenge("ams1");
  EXPECT_EQ(rig.answer, Status::Ok());
}

}  // namespace
}  // namespace lockstep::controller::certs
