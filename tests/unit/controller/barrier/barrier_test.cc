#include "controller/barrier/barrier.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "controller/barrier/judge.h"

namespace lockstep::controller::barrier {
namespace {

using model::ProbeKind;
using model::ProofSubject;

const std::string kBoot(16, 'b');
const std::string kToken = "tokentokentoken1";
const std::string kDigest(64, 'a');
const std::string kMark(32, '1');

NodeName Node(const std::string& name) { return *NodeName::Parse(name); }
IpAddress Ip(const std::string& text) { return *IpAddress::Parse(text); }
Hostname Host(const std::string& text) { return *Hostname::Parse(text); }

const std::vector<IpAddress> kService = {Ip("203.0.113.10"), Ip("2001:db8:a::10")};

Member MakeMember(const std::string& name, bool connected = true) {
  return {Node(name), connected, connected ? kBoot : "", {Ip("10.77.1.2")}};
}

Target MakeTarget() { return {ProbeKind::kChallenge, Host("www.example.test"), kToken, kDigest}; }

void Prove(model::ProofBook* book, const Member& member, const Target& target,
           const IpAddress& address, bool witnessed) {
  model::Proof proof;
  proof.subject = {member.node, target.kind, target.host, target.token, address, witnessed};
  proof.good = true;
  proof.seen = target.expected;
  proof.boot_id = kBoot;
  (*book)[proof.subject] = proof;
}

void ProveAll(model::ProofBook* book, const Member& member, const Target& target) {
  for (const IpAddress& address : kService) Prove(book, member, target, address, false);
  for (const IpAddress& address : member.node_addresses) {
    Prove(book, member, target, address, true);
  }
}

TEST(BarrierTest, OpensWhenEveryMemberProvedEverything) {
  model::ProofBook book;
  const std::vector<Member> members = {MakeMember("ams1"), MakeMember("fra1")};
  for (const Member& member : members) ProveAll(&book, member, MakeTarget());
  const Verdict verdict = Evaluate(members, {MakeTarget()}, kService, book, {});
  EXPECT_TRUE(verdict.open);
  EXPECT_TRUE(verdict.missing.empty());
  EXPECT_EQ(verdict.proved, 2);
}

TEST(BarrierTest, NeverOpensWithoutMembers) {
  const Verdict verdict = Evaluate({}, {MakeTarget()}, kService, {}, {});
  EXPECT_FALSE(verdict.open);
  ASSERT_EQ(verdict.missing.size(), 1u);
  EXPECT_EQ(verdict.missing[0], "no enrolled node counts as announcing");
}

TEST(BarrierTest, CountsAnUnreachableNodeAsAnnouncing) {
  model::ProofBook book;
  const Member here = MakeMember("ams1");
  const Member away = MakeMember("fra1", false);
  ProveAll(&book, here, MakeTarget());
  ProveAll(&book, away, MakeTarget());
  const Verdict verdict = Evaluate({here, away}, {MakeTarget()}, kService, book, {});
  EXPECT_FALSE(verdict.open);
  ASSERT_FALSE(verdict.missing.empty());
  EXPECT_EQ(verdict.missing[0], "fra1: is not connected and counts as announcing");
}

TEST(BarrierTest, AsksAWitnessOnlyOnceTheNodeItselfSeesTheRightThing) {
  model::ProofBook book;
  const Member member = MakeMember("ams1");
  EXPECT_TRUE(Evaluate({member}, {MakeTarget()}, kService, book, {}).ask_witness.empty());
  for (const IpAddress& address : kService) Prove(&book, member, MakeTarget(), address, false);
  const Verdict verdict = Evaluate({member}, {MakeTarget()}, kService, book, {});
  EXPECT_FALSE(verdict.open);
  ASSERT_EQ(verdict.ask_witness.size(), 1u);
  EXPECT_TRUE(verdict.ask_witness[0].witnessed);
  EXPECT_EQ(verdict.ask_witness[0].address, Ip("10.77.1.2"));
}

TEST(BarrierTest, ANewBootVoidsEarlierProofs) {
  model::ProofBook book;
  Member member = MakeMember("ams1");
  ProveAll(&book, member, MakeTarget());
  member.boot_id = std::string(16, 'c');
  const Verdict verdict = Evaluate({member}, {MakeTarget()}, kService, book, {});
  EXPECT_FALSE(verdict.open);
  ASSERT_FALSE(verdict.missing.empty());
  EXPECT_NE(verdict.missing[0].find("before the agent restarted"), std::string::npos);
}

TEST(BarrierTest, OtherBytesAreNoProof) {
  model::ProofBook book;
  const Member member = MakeMember("ams1");
  Target stale = MakeTarget();
  stale.expected = std::string(64, '0');
  ProveAll(&book, member, stale);
  const Verdict verdict = Evaluate({member}, {MakeTarget()}, kService, book, {});
  EXPECT_FALSE(verdict.open);
  ASSERT_FALSE(verdict.missing.empty());
  EXPECT_EQ(verdict.missing[0],
            "ams1: challenge for www.example.test on 203.0.113.10: answered with other bytes");
}

TEST(BarrierTest, NamesASiteOfAnotherVersion) {
  const Member member = MakeMember("fra1");
  const Target target = {ProbeKind::kSite, Host("www.example.test"), kMark, kDigest};
  model::ProofBook book;
  ProveAll(&book, member, target);
  book.rbegin()->second.seen = std::string(64, 'b');
  const Verdict verdict = Evaluate({member}, {target}, kService, book, {});
  EXPECT_EQ(verdict.missing,
            std::vector<std::string>{"fra1: site www.example.test on " +
                                     book.rbegin()->first.address.ToString() +
                                     (book.rbegin()->first.witnessed ? " (witnessed)" : "") +
                                     ": shows another version"});
}

TEST(BarrierTest, ANodeWithoutAddressOfItsOwnCannotBeWitnessed) {
  model::ProofBook book;
  Member member = MakeMember("ams1");
  member.node_addresses.clear();
  ProveAll(&book, member, MakeTarget());
  const Verdict verdict = Evaluate({member}, {MakeTarget()}, kService, book, {});
  EXPECT_FALSE(verdict.open);
  ASSERT_FALSE(verdict.missing.empty());
  EXPECT_NE(verdict.missing[0].find("no address of its own"), std::string::npos);
}

TEST(BarrierTest, PullCountsAStragglerOnceAWitnessFetchedTheBytesFromIt) {
  model::ProofBook book;
  const Member away = MakeMember("fra1", false);
  const Policy pull{Policy::Straggler::kPull, 0};
  const Verdict before = Evaluate({away}, {MakeTarget()}, kService, book, pull);
  EXPECT_FALSE(before.open);
  EXPECT_EQ(before.ask_witness.size(), 1u);
  Prove(&book, away, MakeTarget(), away.node_addresses[0], true);
  EXPECT_TRUE(Evaluate({away}, {MakeTarget()}, kService, book, pull).open);
}

TEST(BarrierTest, PullIsNoExcuseForCertificates) {
  model::ProofBook book;
  const Member away = MakeMember("fra1", false);
  const Target leaf{ProbeKind::kTls, Host("www.example.test"), "", kDigest};
  Prove(&book, away, leaf, away.node_addresses[0], true);
  EXPECT_FALSE(Evaluate({away}, {leaf}, kService, book, {Policy::Straggler::kPull, 0}).open);
}

TEST(BarrierTest, ToleratesAsManyAsToldAndStillNamesThem) {
  model::ProofBook book;
  const Member good = MakeMember("ams1");
  const Member bad = MakeMember("fra1", false);
  ProveAll(&book, good, MakeTarget());
  const Verdict one =
      Evaluate({good, bad}, {MakeTarget()}, kService, book, {Policy::Straggler::kTolerate, 1});
  EXPECT_TRUE(one.open);
  EXPECT_EQ(one.stragglers, std::vector<NodeName>{Node("fra1")});
  // But never everyone.
  EXPECT_FALSE(
      Evaluate({bad}, {MakeTarget()}, kService, book, {Policy::Straggler::kTolerate, 5}).open);
}

// Whatever is taken away from a complete set of proofs, the barrier closes.
RC_GTEST_PROP(BarrierProperty, ClosesWhenAnyOneProofIsMissing, ()) {
  const int nodes = *rc::gen::inRange(1, 6);
  std::vector<Member> members;
  for (int i = 0; i < nodes; ++i) members.push_back(MakeMember("n" + std::to_string(i)));
  std::vector<Target> targets = {MakeTarget()};
  targets.push_back({ProbeKind::kTls, Host("a.example.test"), "", std::string(64, 'd')});
  targets.push_back({ProbeKind::kSite, Host("a.example.test"), kMark, std::string(64, 'e')});
  model::ProofBook book;
  for (const Member& member : members) {
    for (const Target& target : targets) ProveAll(&book, member, target);
  }
  RC_ASSERT(Evaluate(members, targets, kService, book, {}).open);
  auto victim = book.begin();
  std::advance(victim, *rc::gen::inRange<size_t>(0, book.size()));
  switch (*rc::gen::inRange(0, 3)) {
    case 0:
      book.erase(victim);
      break;
    case 1:
      victim->second.good = false;
      break;
    default:
      victim->second.seen = "other";
      break;
  }
  const Verdict verdict = Evaluate(members, targets, kService, book, {});
  RC_ASSERT(!verdict.open);
  RC_ASSERT(verdict.stragglers.size() == 1u);
}

types::v1::Observation ChallengeSeen(uint32_t status) {
  types::v1::Observation out;
  out.set_kind(types::v1::PROBE_KIND_CHALLENGE);
  out.set_host("www.example.test");
  out.set_address("203.0.113.10");
  out.set_token(kToken);
  out.mutable_http()->set_status(status);
  out.mutable_http()->set_body_sha256(std::string(32, '\xaa'));
  return out;
}

TEST(JudgeTest, ReadsAnAnswer) {
  const auto proof = ReadObservation(ChallengeSeen(200), Node("fra1"), "ams1", true);
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_TRUE(proof->good);
  EXPECT_EQ(proof->seen, kDigest);
  EXPECT_EQ(proof->observer, "ams1");
  EXPECT_TRUE(proof->subject.witnessed);
}

TEST(JudgeTest, ARightBodyUnderAnotherStatusIsNotGood) {
  const auto proof = ReadObservation(ChallengeSeen(404), Node("fra1"), "fra1", false);
  ASSERT_TRUE(proof.ok());
  EXPECT_FALSE(proof->good);
  EXPECT_EQ(proof->problem, "answered 404, not 200");
}

TEST(JudgeTest, RefusesWhatDoesNotParse) {
  auto bad = ChallengeSeen(200);
  bad.set_host("not a host");
  EXPECT_FALSE(ReadObservation(bad, Node("fra1"), "fra1", false).ok());
  bad = ChallengeSeen(200);
  bad.set_token("../../etc/passwd");
  EXPECT_FALSE(ReadObservation(bad, Node("fra1"), "fra1", false).ok());
  bad = ChallengeSeen(200);
  bad.clear_http();
  EXPECT_FALSE(ReadObservation(bad, Node("fra1"), "fra1", false).ok());
  bad = ChallengeSeen(200);
  bad.set_kind(types::v1::PROBE_KIND_UNSPECIFIED);
  EXPECT_FALSE(ReadObservation(bad, Node("fra1"), "fra1", false).ok());
}

TEST(JudgeTest, ReadsTheAnswerToAMark) {
  auto seen = ChallengeSeen(200);
  seen.set_kind(types::v1::PROBE_KIND_SITE);
  EXPECT_FALSE(ReadObservation(seen, Node("fra1"), "fra1", false).ok()) << "no mark";
  seen.set_token(kMark);
  auto proof = ReadObservation(seen, Node("fra1"), "fra1", false);
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_TRUE(proof->good);
  EXPECT_EQ(proof->subject.kind, ProbeKind::kSite);
  EXPECT_EQ(proof->subject.token, kMark);
  EXPECT_EQ(proof->seen, kDigest);
  seen.mutable_http()->set_status(404);
  proof = ReadObservation(seen, Node("fra1"), "fra1", false);
  ASSERT_TRUE(proof.ok());
  EXPECT_FALSE(proof->good);
  EXPECT_EQ(proof->problem, "shows another version (its mark: answered 404, not 200)");
}

TEST(JudgeTest, AQuicHandshakeMustAgreeOnH3) {
  types::v1::Observation seen;
  seen.set_kind(types::v1::PROBE_KIND_QUIC);
  seen.set_host("www.example.test");
  seen.set_address("2001:db8:a::10");
  seen.mutable_quic()->mutable_tls()->set_leaf_sha256(kDigest);
  seen.mutable_quic()->mutable_tls()->set_alpn("hq-interop");
  const auto proof = ReadObservation(seen, Node("fra1"), "fra1", false);
  ASSERT_TRUE(proof.ok());
  EXPECT_FALSE(proof->good);
}

}  // namespace
}  // namespace lockstep::controller::barrier
