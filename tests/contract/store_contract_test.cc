#include "tests/contract/store_contract.h"

#include <string>
#include <vector>

#include "common/crypto/digest.h"

namespace lockstep::contract {
namespace {

namespace model = controller::model;

TEST_P(StoreContract, NodesComeBackAsTheyWere) {
  model::Node node = SampleNode("fra1");
  ASSERT_EQ(stores().nodes.Create(node), Status::Ok());
  EXPECT_EQ(*stores().nodes.Get(node.name), node);
  EXPECT_EQ(stores().nodes.Create(node).ToString(), "ALREADY_EXISTS: node fra1 exists already");

  node.banned = true;
  node.ban_reason = "stolen";
  node.addresses = {IpAddress::Parse("10.0.0.9").value()};
  ASSERT_EQ(stores().nodes.Update(node), Status::Ok());
  EXPECT_EQ(**stores().nodes.Find(node.name), node);
}

TEST_P(StoreContract, NodesAreListedByName) {
  for (const char* name : {"nyc1", "ams1", "fra1"}) {
    ASSERT_TRUE(stores().nodes.Create(SampleNode(name)).ok());
  }
  const auto nodes = stores().nodes.List().value();
  ASSERT_EQ(nodes.size(), 3U);
  EXPECT_EQ(nodes[0], SampleNode("ams1"));
  EXPECT_EQ(nodes[2], SampleNode("nyc1"));
}

TEST_P(StoreContract, MissingNodesAreSaidToBeMissing) {
  const NodeName name = NodeNamed("nowhere");
  EXPECT_EQ(*stores().nodes.Find(name), std::nullopt);
  EXPECT_EQ(stores().nodes.Get(name).status().ToString(), "NOT_FOUND: no node nowhere");
  EXPECT_EQ(stores().nodes.Update(SampleNode("nowhere")).code(), Code::kNotFound);
  EXPECT_EQ(stores().nodes.Delete(name).code(), Code::kNotFound);
}

TEST_P(StoreContract, DeletingANodeTakesItsProofsAlong) {
  ASSERT_TRUE(stores().nodes.Create(SampleNode("fra1")).ok());
  ASSERT_TRUE(
      stores()
          .proofs.Put({SampleProof("fra1", "a.example", 1), SampleProof("ams1", "a.example", 1)})
          .ok());
  ASSERT_TRUE(stores().nodes.Delete(NodeNamed("fra1")).ok());
  const auto proofs = stores().proofs.List().value();
  ASSERT_EQ(proofs.size(), 1U);
  EXPECT_EQ(proofs[0].subject.node.str(), "ams1");
}

TEST_P(StoreContract, ATokenBelongsToTheFirstKeyThatRedeemsIt) {
  ASSERT_TRUE(stores().tokens.Create(SampleToken("t1")).ok());
  EXPECT_EQ(**stores().tokens.Find("t1"), SampleToken("t1"));
  const std::string first = crypto::Sha256("first");
  EXPECT_EQ(stores().tokens.Redeem("t1", first), Status::Ok());
  EXPECT_EQ(stores().tokens.Redeem("t1", first), Status::Ok());
  EXPECT_EQ(stores().tokens.Redeem("t1", crypto::Sha256("second")).ToString(),
            "ALREADY_EXISTS: token t1 was used by another key");
  EXPECT_EQ((*stores().tokens.Find("t1"))->used_by_spki_sha256, first);
}

TEST_P(StoreContract, ARevokedTokenIsNotRedeemed) {
  ASSERT_TRUE(stores().tokens.Create(SampleToken("t1")).ok());
  ASSERT_TRUE(stores().tokens.Revoke("t1").ok());
  EXPECT_EQ(stores().tokens.Redeem("t1", "key").ToString(),
            "FAILED_PRECONDITION: token t1 was revoked");
  EXPECT_EQ(stores().tokens.Revoke("t2").code(), Code::kNotFound);
  EXPECT_EQ(stores().tokens.Redeem("t2", "key").code(), Code::kNotFound);
}

TEST_P(StoreContract, ExpiredTokensArePruned) {
  for (int i = 0; i < 3; ++i) {
    model::JoinToken token = SampleToken("t" + std::to_string(i));
    token.created_at = At(i);
    token.expires_at = At(100 + i);
    ASSERT_TRUE(stores().tokens.Create(token).ok());
  }
  EXPECT_EQ(stores().tokens.List()->front().id, "t2");
  EXPECT_EQ(*stores().tokens.Prune(At(102)), 2U);
  EXPECT_EQ(stores().tokens.List()->size(), 1U);
}

TEST_P(StoreContract, SitesOfEachKindComeBackAsTheyWere) {
  model::Site root = SampleSite("files.example");
  root.content = model::FileRoot{"/srv/www"};
  model::Site upstream = SampleSite("upstream.example");
  upstream.content = model::Upstream{{"10.0.0.5:8080", "origin.example:443"}, true};
  ASSERT_TRUE(stores().sites.Put({upstream, SampleSite("preset.example"), root}).ok());
  EXPECT_EQ(*stores().sites.List(), (std::vector{root, SampleSite("preset.example"), upstream}));

  upstream.content = model::Upstream{{"10.0.0.6:8080"}, false};
  upstream.hosts = {Host("other.example")};
  ASSERT_TRUE(stores().sites.Put({upstream}).ok());
  EXPECT_EQ(**stores().sites.Find("upstream.example"), upstream);
  ASSERT_TRUE(stores().sites.Delete("upstream.example").ok());
  EXPECT_EQ(*stores().sites.Find("upstream.example"), std::nullopt);
  EXPECT_EQ(stores().sites.Delete("upstream.example").ToString(),
            "NOT_FOUND: no site \"upstream.example\"");
}

TEST_P(StoreContract, AHostBelongsToOneSite) {
  ASSERT_TRUE(stores().sites.Put({SampleSite("a.example")}).ok());
  model::Site thief = SampleSite("b.example");
  thief.hosts.push_back(Host("www.a.example"));
  const Status status = stores().sites.Put({thief});
  EXPECT_EQ(status.code(), Code::kAlreadyExists);
  EXPECT_THAT(status.message(), testing::HasSubstr("www.a.example"));
}

TEST_P(StoreContract, AHostMayMoveBetweenSitesOfOnePut) {
  model::Site a = SampleSite("a.example");
  model::Site b = SampleSite("b.example");
  ASSERT_TRUE(stores().sites.Put({a, b}).ok());
  std::swap(a.hosts, b.hosts);
  EXPECT_EQ(stores().sites.Put({a, b}), Status::Ok());
  EXPECT_EQ(*stores().sites.List(), (std::vector{a, b}));
}

TEST_P(StoreContract, RevisionsCountUpAndAreNeverGivenTwice) {
  auto& certificates = stores().certificates;
  EXPECT_EQ(*certificates.Create(SampleCertificate("a.example", 1)), 1U);
  EXPECT_EQ(*certificates.Create(SampleCertificate("a.example", 2)), 2U);
  EXPECT_EQ(*certificates.Create(SampleCertificate("b.example", 3)), 1U);
  ASSERT_TRUE(certificates.Delete("a.example").ok());
  EXPECT_EQ(*certificates.FindNewest("a.example"), std::nullopt);
  EXPECT_EQ(*certificates.Create(SampleCertificate("a.example", 4)), 3U);
  EXPECT_EQ(certificates.Delete("c.example").code(), Code::kNotFound);
}

TEST_P(StoreContract, CertificatesComeBackAsTheyWere) {
  model::Certificate certificate = SampleCertificate("a.example", 7);
  certificate.revision = 99;  // not looked at
  ASSERT_TRUE(stores().certificates.Create(certificate).ok());
  certificate.revision = 1;
  const auto stored = stores().certificates.Find("a.example", 1).value();
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(*stored, certificate);
  EXPECT_EQ(*stores().certificates.Find("a.example", 2), std::nullopt);
}

TEST_P(StoreContract, TheNewestRevisionIsListedAndOldOnesArePruned) {
  auto& certificates = stores().certificates;
  for (int n = 1; n <= 5; ++n) {
    ASSERT_TRUE(certificates.Create(SampleCertificate("a.example", n)).ok());
  }
  ASSERT_TRUE(certificates.Create(SampleCertificate("b.example", 6)).ok());
  EXPECT_EQ(*certificates.Prune(2), 3U);
  const auto newest = certificates.List().value();
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[0].revision, 5U);
  EXPECT_EQ(newest[1].name, "b.example");
  const auto revisions = certificates.ListRevisions("a.example").value();
  ASSERT_EQ(revisions.size(), 2U);
  EXPECT_EQ(revisions[0].key_pem, "key 5");
  EXPECT_EQ(revisions[1].key_pem, "key 4");
  EXPECT_EQ(*certificates.Prune(0), 1U);
  EXPECT_EQ(certificates.ListRevisions("a.example")->size(), 1U);
}

TEST_P(StoreContract, OneRevisionIsMarkedRevoked) {
  auto& certificates = stores().certificates;
  ASSERT_TRUE(certificates.Create(SampleCertificate("a.example", 1)).ok());
  ASSERT_TRUE(certificates.Create(SampleCertificate("a.example", 2)).ok());
  ASSERT_TRUE(certificates.MarkRevoked("a.example", 1).ok());
  EXPECT_TRUE((*certificates.Find("a.example", 1))->revoked);
  EXPECT_FALSE((*certificates.Find("a.example", 2))->revoked);
  EXPECT_EQ(certificates.MarkRevoked("a.example", 3).code(), Code::kNotFound);
}

TEST_P(StoreContract, RenewalsAreReplaced) {
  const model::RenewalState state{"a.example", At(5), 2, "the ca is down"};
  ASSERT_TRUE(stores().renewals.Put({"a.example", At(1), 0, ""}).ok());
  ASSERT_TRUE(stores().renewals.Put(state).ok());
  EXPECT_EQ(*stores().renewals.Find("a.example"), state);
  EXPECT_EQ(*stores().renewals.List(), std::vector{state});
  EXPECT_TRUE(stores().renewals.Delete("a.example").ok());
  EXPECT_TRUE(stores().renewals.Delete("a.example").ok());
  EXPECT_EQ(*stores().renewals.Find("a.example"), std::nullopt);
}

TEST_P(StoreContract, OrdersComeBackAsTheyWere) {
  model::Order order = SampleOrder(1);
  ASSERT_TRUE(stores().orders.Create(order).ok());
  EXPECT_EQ(*stores().orders.Get(order.id), order);
  EXPECT_EQ(stores().orders.Create(order).code(), Code::kAlreadyExists);

  order.state = model::OrderState::kFailed;
  order.error = "the barrier did not open";
  order.ca_error = "none";
  order.ended_at = At(9);
  order.steps.push_back({"failed", "fra1", At(9)});
  order.missing = {"fra1: challenge for a.example", "nyc1: the same"};
  order.rehearsal = {"203.0.113.10 answered"};
  order.after_commit = {"fra1 was lost"};
  order.serial = "0a";
  order.generation = 7;
  ASSERT_TRUE(stores().orders.Update(order).ok());
  EXPECT_EQ(**stores().orders.Find(order.id), order);
  EXPECT_EQ(stores().orders.Update(SampleOrder(2)).code(), Code::kNotFound);
  EXPECT_EQ(stores().orders.Get(OrderNumber(2)).status().code(), Code::kNotFound);
}

TEST_P(StoreContract, OrdersArePagedNewestFirst) {
  for (int n : {3, 1, 5, 2, 4}) ASSERT_TRUE(stores().orders.Create(SampleOrder(n)).ok());
  model::Order twin = SampleOrder(6);  // made in the same microsecond as 5
  twin.created_at = At(5);
  ASSERT_TRUE(stores().orders.Create(twin).ok());
  std::vector<std::string> seen;
  std::optional<OrderId> before;
  for (int page = 0; page < 4; ++page) {
    const auto orders = stores().orders.List(2, before).value();
    for (const auto& order : orders) seen.push_back(order.id.str().substr(17));
    if (orders.empty()) break;
    before = orders.back().id;
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"6", "5", "4", "3", "2", "1"}));
  EXPECT_EQ(stores().orders.List(2, OrderNumber(77)).status().code(), Code::kNotFound);
}

TEST_P(StoreContract, OpenOrdersAreListedAndNeverPruned) {
  for (int n = 1; n <= 6; ++n) {
    model::Order order = SampleOrder(n);
    if (n % 2 == 0) order.state = model::OrderState::kDone;
    ASSERT_TRUE(stores().orders.Create(order).ok());
  }
  const auto open = stores().orders.ListOpen().value();
  ASSERT_EQ(open.size(), 3U);
  EXPECT_EQ(open[0].id, OrderNumber(1));
  EXPECT_EQ(*stores().orders.Prune(1), 2U);
  EXPECT_EQ(stores().orders.List(10, std::nullopt)->size(), 4U);
  EXPECT_TRUE(stores().orders.Find(OrderNumber(6))->has_value());
}

TEST_P(StoreContract, ChallengesLiveUntilTheirOrderIsTakenDown) {
  const auto challenge = [](int order, const std::string& host, const std::string& authorization) {
    return model::Challenge{OrderNumber(order), Host(host),
                            ChallengeToken::Parse("abcdefghijklmnop").value(), authorization};
  };
  auto& challenges = stores().challenges;
  ASSERT_TRUE(
      challenges.Put({challenge(2, "a.example", "x"), challenge(1, "b.example", "y")}).ok());
  ASSERT_TRUE(
      challenges.Put({challenge(1, "a.example", "z"), challenge(1, "b.example", "w")}).ok());
  EXPECT_EQ(*challenges.List(),
            (std::vector{challenge(1, "a.example", "z"), challenge(1, "b.example", "w"),
                         challenge(2, "a.example", "x")}));
  EXPECT_TRUE(challenges.DeleteOf(OrderNumber(1)).ok());
  EXPECT_TRUE(challenges.DeleteOf(OrderNumber(1)).ok());
  EXPECT_EQ(*challenges.List(), std::vector{challenge(2, "a.example", "x")});
}

TEST_P(StoreContract, GenerationNumbersOnlyGrow) {
  auto& generations = stores().generations;
  EXPECT_EQ(*generations.FindNewest(), std::nullopt);
  ASSERT_TRUE(generations.Create(SampleGeneration(1)).ok());
  ASSERT_TRUE(generations.Create(SampleGeneration(5)).ok());
  EXPECT_EQ(generations.Create(SampleGeneration(5)).ToString(),
            "FAILED_PRECONDITION: generation 5 is not newer than generation 5");
  EXPECT_EQ(generations.Create(SampleGeneration(4)).code(), Code::kFailedPrecondition);
  EXPECT_EQ(*generations.Get(5), SampleGeneration(5));
  EXPECT_EQ((*generations.FindNewest())->number, 5U);
  EXPECT_EQ(generations.Get(4).status().ToString(), "NOT_FOUND: no generation 4");
}

TEST_P(StoreContract, AnUpdateChangesHowAGenerationEndedAndNothingElse) {
  auto& generations = stores().generations;
  ASSERT_TRUE(generations.Create(SampleGeneration(1)).ok());
  model::Generation ended = SampleGeneration(1);
  ended.state = model::GenerationState::kRolledBack;
  ended.problem = "fra1: caddy refused it";
  ended.ended_at = At(9);
  model::Generation altered = ended;
  altered.cause = "another";
  altered.digest.clear();
  altered.resources.clear();
  ASSERT_TRUE(generations.Update(altered).ok());
  EXPECT_EQ(**generations.Find(1), ended);
  EXPECT_EQ(generations.Update(SampleGeneration(2)).code(), Code::kNotFound);
}

TEST_P(StoreContract, GenerationsArePagedNewestFirstWithoutResources) {
  for (uint64_t n = 1; n <= 5; ++n) {
    ASSERT_TRUE(stores().generations.Create(SampleGeneration(n)).ok());
  }
  const auto first = stores().generations.List(2, 0).value();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].number, 5U);
  EXPECT_TRUE(first[0].resources.empty());
  const auto rest = stores().generations.List(10, 4).value();
  ASSERT_EQ(rest.size(), 3U);
  EXPECT_EQ(rest[0].number, 3U);
}

TEST_P(StoreContract, PruneKeepsTheNewestTheLastKnownGoodAndTheUnended) {
  auto& generations = stores().generations;
  for (uint64_t n = 1; n <= 8; ++n) {
    model::Generation generation = SampleGeneration(n);
    generation.state = n == 2 || n == 3 ? model::GenerationState::kLastKnownGood
                                        : model::GenerationState::kSuperseded;
    if (n != 1) generation.ended_at = At(9);
    ASSERT_TRUE(generations.Create(generation).ok());
  }
  EXPECT_EQ((*generations.FindLastKnownGood())->number, 3U);
  EXPECT_EQ(*generations.Prune(2), 4U);
  std::vector<uint64_t> left;
  const auto listed = generations.List(10, 0).value();
  for (const auto& generation : listed) left.push_back(generation.number);
  EXPECT_EQ(left, (std::vector<uint64_t>{8, 7, 3, 1}));
  EXPECT_EQ(generations.Create(SampleGeneration(8)).code(), Code::kFailedPrecondition);
}

TEST_P(StoreContract, ResourceBodiesLiveAsLongAsAGenerationNamesThem) {
  const std::string body = std::string("a\0b", 3);
  const std::string named = "s1";
  auto& resources = stores().resources;
  ASSERT_TRUE(resources.Put(crypto::Sha256(body), body).ok());
  ASSERT_TRUE(resources.Put(crypto::Sha256(named), named).ok());
  ASSERT_TRUE(resources.Put(crypto::Sha256(named), named).ok());
  EXPECT_EQ(*resources.Find(crypto::Sha256(body)), body);
  EXPECT_EQ(resources.Put(crypto::Sha256("x"), "y").code(), Code::kInvalidArgument);
  ASSERT_TRUE(stores().generations.Create(SampleGeneration(1)).ok());
  EXPECT_EQ(*resources.Prune(), 1U);
  EXPECT_EQ(*resources.Find(crypto::Sha256(body)), std::nullopt);
  EXPECT_EQ(*resources.Find(crypto::Sha256(named)), named);
}

TEST_P(StoreContract, TheLatestProofOfASubjectStands) {
  model::Proof bad = SampleProof("fra1", "a.example", 5);
  bad.good = false;
  bad.problem = "shows another certificate";
  ASSERT_TRUE(stores().proofs.Put({SampleProof("fra1", "a.example", 3), bad}).ok());
  ASSERT_TRUE(stores().proofs.Put({SampleProof("fra1", "a.example", 4)}).ok());
  EXPECT_EQ(*stores().proofs.List(), std::vector{bad});
}

TEST_P(StoreContract, ProofsAreListedBySubjectAndByOrder) {
  model::Proof challenge = SampleProof("fra1", "a.example", 1);
  challenge.subject.kind = model::ProbeKind::kChallenge;
  challenge.subject.token = "abcdefghijklmnop";
  challenge.subject.witnessed = true;
  challenge.order = OrderNumber(1);
  model::Proof v6 = SampleProof("fra1", "a.example", 2);
  v6.subject.address = IpAddress::Parse("2001:db8:a::10").value();
  const model::Proof v4 = SampleProof("fra1", "a.example", 3);
  const model::Proof other = SampleProof("ams1", "b.example", 4);
  ASSERT_TRUE(stores().proofs.Put({v6, challenge, v4, other}).ok());
  EXPECT_EQ(*stores().proofs.List(), (std::vector{other, challenge, v4, v6}));
  EXPECT_EQ(*stores().proofs.ListOf(OrderNumber(1)), std::vector{challenge});
  EXPECT_TRUE(stores().proofs.ListOf(OrderId())->empty());
  EXPECT_EQ(*stores().proofs.Prune(At(3)), 2U);
  ASSERT_TRUE(stores().proofs.DeleteOf(NodeNamed("ams1")).ok());
  EXPECT_EQ(*stores().proofs.List(), std::vector{v4});
}

TEST_P(StoreContract, WhatProvedAnOrderStaysWithIt) {
  const model::Order order = SampleOrder(1);
  model::Proof kept = SampleProof("fra1", "a.example", 3);
  kept.order = order.id;
  EXPECT_EQ(stores().proofs.Keep(order.id, {kept}).code(), Code::kNotFound);
  ASSERT_TRUE(stores().orders.Create(order).ok());
  EXPECT_TRUE(stores().proofs.ListKept(order.id)->empty());
  ASSERT_TRUE(stores().proofs.Keep(order.id, {SampleProof("ams1", "a.example", 1), kept}).ok());
  ASSERT_TRUE(stores().proofs.Keep(order.id, {kept}).ok());
  ASSERT_TRUE(stores().proofs.Put({SampleProof("fra1", "a.example", 4)}).ok());
  ASSERT_TRUE(stores().proofs.DeleteOf(NodeNamed("fra1")).ok());
  EXPECT_EQ(*stores().proofs.ListKept(order.id), std::vector{kept});
  EXPECT_TRUE(stores().proofs.List()->empty());
  model::Order ended = order;
  ended.state = model::OrderState::kDone;
  ended.ended_at = At(9);
  ASSERT_TRUE(stores().orders.Update(ended).ok());
  ASSERT_EQ(*stores().orders.Prune(0), 1U);
  EXPECT_TRUE(stores().proofs.ListKept(order.id)->empty());
}

TEST_P(StoreContract, EventsArePagedAndTheirIdsAreNeverGivenTwice) {
  auto& events = stores().events;
  for (int n = 1; n <= 6; ++n) {
    const model::Event event{0,
                             At(n),
                             model::Severity::kWarning,
                             "node.connected",
                             n % 2 == 0 ? "fra1" : "ams1",
                             "event " + std::to_string(n)};
    EXPECT_EQ(*events.Create(event), static_cast<uint64_t>(n));
  }
  const auto newest = events.List(2, 0, "").value();
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[0].id, 5U);
  EXPECT_EQ(newest[1], (model::Event{6, At(6), model::Severity::kWarning, "node.connected", "fra1",
                                     "event 6"}));
  const auto of_node = events.List(2, 6, "fra1").value();
  ASSERT_EQ(of_node.size(), 2U);
  EXPECT_EQ(of_node[0].id, 2U);
  EXPECT_EQ(of_node[1].id, 4U);
  EXPECT_EQ(events.ListAfter(3, 2)->front().id, 4U);
  EXPECT_EQ(events.ListAfter(3, 2)->size(), 2U);
  EXPECT_EQ(*events.Prune(0), 6U);
  EXPECT_EQ(*events.Create(newest[0]), 7U);
  EXPECT_EQ(*events.Prune(5), 0U);
}

TEST_P(StoreContract, TheEpochOnlyGrows) {
  auto& meta = stores().meta;
  EXPECT_EQ(*meta.FindEpoch(), std::nullopt);
  const model::Epoch first{1, std::string(16, 'a')};
  ASSERT_TRUE(meta.PutEpoch(first).ok());
  ASSERT_TRUE(meta.PutEpoch(first).ok());
  EXPECT_EQ(meta.PutEpoch({1, std::string(16, 'b')}).ToString(),
            "FAILED_PRECONDITION: epoch 1 does not follow epoch 1");
  const model::Epoch second{2, std::string(16, '\0')};
  ASSERT_TRUE(meta.PutEpoch(second).ok());
  EXPECT_EQ(meta.PutEpoch(first).code(), Code::kFailedPrecondition);
  EXPECT_EQ(*meta.FindEpoch(), second);
}

TEST_P(StoreContract, StartsAreNumberedAndKept) {
  auto& meta = stores().meta;
  EXPECT_EQ(*meta.CreateStart(std::string(16, 'a'), At(1)), 1U);
  EXPECT_EQ(*meta.CreateStart(std::string(16, 'b'), At(2)), 2U);
  EXPECT_EQ(meta.CreateStart(std::string(16, 'a'), At(3)).status().code(), Code::kAlreadyExists);
  const auto starts = meta.ListStarts().value();
  ASSERT_EQ(starts.size(), 2U);
  EXPECT_EQ(starts[1], (controller::store::Start{2, std::string(16, 'b'), At(2)}));
}

TEST_P(StoreContract, AStartBeginsAfterTheNewestGeneration) {
  auto& meta = stores().meta;
  ASSERT_TRUE(meta.CreateStart(std::string(16, 'a'), At(1)).ok());
  ASSERT_TRUE(stores().generations.Create(SampleGeneration(7)).ok());
  ASSERT_TRUE(meta.CreateStart(std::string(16, 'b'), At(2)).ok());
  const auto starts = meta.ListStarts().value();
  EXPECT_EQ(starts[0].first_generation, 1U);
  EXPECT_EQ(starts[1].first_generation, 8U);
}

TEST_P(StoreContract, FlagsAreReplacedAndLowered) {
  auto& meta = stores().meta;
  EXPECT_EQ(*meta.FindFlag(controller::store::kReadOnlyFlag), std::nullopt);
  ASSERT_TRUE(meta.PutFlag(controller::store::kReadOnlyFlag, "a fork was seen").ok());
  ASSERT_TRUE(meta.PutFlag(controller::store::kReadOnlyFlag, "fra1 has seen a fork").ok());
  EXPECT_EQ(*meta.FindFlag(controller::store::kReadOnlyFlag), "fra1 has seen a fork");
  EXPECT_TRUE(meta.DeleteFlag(controller::store::kReadOnlyFlag).ok());
  EXPECT_TRUE(meta.DeleteFlag(controller::store::kReadOnlyFlag).ok());
  EXPECT_EQ(*meta.FindFlag(controller::store::kReadOnlyFlag), std::nullopt);
}

TEST_P(StoreContract, ARolledBackSavepointLeavesWhatWasBefore) {
  ASSERT_TRUE(backend().Savepoint().ok());
  ASSERT_TRUE(stores().nodes.Create(SampleNode("fra1")).ok());
  ASSERT_TRUE(backend().Release().ok());
  ASSERT_TRUE(backend().Savepoint().ok());
  ASSERT_TRUE(stores().nodes.Create(SampleNode("ams1")).ok());
  ASSERT_TRUE(stores().events.Create({}).status().code() == Code::kOk);
  ASSERT_TRUE(backend().RollbackTo().ok());
  ASSERT_TRUE(backend().Commit().ok());
  ASSERT_TRUE(backend().Begin().ok());
  EXPECT_EQ(*stores().nodes.List(), std::vector{SampleNode("fra1")});
  EXPECT_TRUE(stores().events.List(10, 0, "")->empty());
}

TEST_P(StoreContract, ARolledBackTransactionLeavesNoTrace) {
  ASSERT_TRUE(stores().sites.Put({SampleSite("a.example")}).ok());
  backend().Rollback();
  EXPECT_FALSE(backend().InTransaction());
  ASSERT_TRUE(backend().Begin().ok());
  EXPECT_TRUE(stores().sites.List()->empty());
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreContract, testing::Values(MemoryStores(), SqliteStores()),
                         [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace lockstep::contract
