// What lint gathers of a fleet that a test plays, and what it tells.
#include "controller/lint/linter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/encoding.h"
#include "tests/fakes/loopback/dns_server.h"
#include "tests/fakes/publish_rig.h"
#include "tests/fakes/settle.h"

namespace lockstep::controller::lint {
namespace {

using fakes::Node;
using std::chrono::minutes;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::vector<std::string> kNodes = {"ams1", "fra1"};
constexpr char kSite[] = "www.example.test";
constexpr char kPromise[] = "h3=\":443\"; ma=300";
const std::string kLeaf(64, 'a');

// Data of an HTTPS record as bytes (RFC 9460 §2.2), since ldns of Debian 12 reads no text of them.
std::string Https(int ttl, const std::string& data) {
  return "www.example.test. " + std::to_string(ttl) + " IN TYPE65 \\# " +
         std::to_string(data.size()) + " " + HexEncode(data);
}
const std::string kOwn("\x00\x01\x00", 3);  // 1 .
const std::string kOneNode(
    "\x00\x02\x04"
    "ams1\x07"
    "example\x04"
    "test\x00",
    21);  // 2 ams1…
const std::string kH2H3(
    "\x00\x01\x00\x06\x02"
    "h2\x02"
    "h3",
    10);  // alpn=h2,h3
const std::string kH2(
    "\x00\x01\x00\x03\x02"
    "h2",
    7);                                                          // alpn=h2
const std::string kHint("\x00\x04\x00\x04\xcb\x00\x71\x0a", 8);  // 203.0.113.10

const std::vector<std::string> kAgreeing = {"www.example.test. 300 IN A 203.0.113.10",
                                            "www.example.test. 300 IN AAAA 2001:db8:a::10",
                                            Https(300, kOwn + kH2H3)};

std::vector<std::string> RulesOf(const Report& report) {
  std::vector<std::string> out;
  for (const edge::LintFinding& finding : report.findings) out.push_back(finding.rule);
  return out;
}

// A promise that has been made already, so that no test waits for it.
std::vector<model::SitePromise> StoredPromise() {
  model::SitePromise out;
  out.site = kSite;
  out.ramp.phase = model::RampPhase::kAdvertising;
  out.ramp.max_age = Seconds(300);
  return {out};
}

class LinterTest : public testing::Test {
 protected:
  ~LinterTest() override { workers_.Stop(); }

  // A fleet of two that serves the site and shows what it is to show.
  void Begin(std::vector<std::string> records = kAgreeing) {
    server_ = std::make_unique<fakes::DnsServer>(std::move(records));
    resolver_ = std::make_unique<dns::Resolver>(
        dns::Config{{server_->endpoint()}, Millis(500), Seconds(2)});
    linter_ = std::make_unique<Linter>(
        Options(), Rooms{rig_.fleet, rig_.publisher, policies_, promises_, sites_}, *resolver_,
        workers_, rig_.state, rig_.journal);
    rig_.Enrol(kNodes);
    for (const std::string& name : kNodes) {
      ASSERT_TRUE(rig_.Connect(name, rig_.MarkingHelloOf(name)).ok());
    }
    rig_.desired.sites = sites_.List();
    rig_.desired.certificates = {
        fakes::CertificateOf(kSite, {kSite}, 'a', rig_.clock.Now() - minutes(1))};
    rig_.desired.alt_svc = {{kSite, kPromise}};
    Roll();
  }
  // Whatever is wanted reaches everybody, who show it.
  void Roll() {
    rig_.Change();
    for (int i = 0; i < 20 && rig_.publisher.FindProgress(); ++i) {
      for (const std::string& name : kNodes) {
        if (rig_.PushedTo(name) == 0) continue;
        if (rig_.publisher.AppliedBy(Node(name)) != rig_.PushedTo(name)) rig_.Apply(name);
        Show(name);
      }
      rig_.state.AdvanceBy(Seconds(1));
    }
    ASSERT_FALSE(rig_.publisher.FindProgress().has_value());
    for (const std::string& name : kNodes) Show(name);
  }
  types::v1::Observation Quic(const std::string& address, const std::string& leaf = kLeaf) const {
    auto out = fakes::SeenTls(types::v1::PROBE_KIND_QUIC, kSite, address, leaf);
    const WallTime end = rig_.clock.Now() + std::chrono::hours(24 * 60);
    out.mutable_quic()->mutable_tls()->mutable_not_after()->set_seconds(ToUnixMicros(end) /
                                                                        1'000'000);
    auto* parameters = out.mutable_quic()->mutable_parameters();
    parameters->set_disable_active_migration(true);
    parameters->set_connection_id_bytes(20);
    return out;
  }
  // An answer with the mark, and with these fields beside it.
  types::v1::Observation Answer(const std::string& name, const std::string& address,
                                const std::vector<std::string>& fields) {
    const std::string pushed = rig_.MarkPushedTo(name);
    if (!pushed.empty()) marks_[name] = pushed;
    auto out = fakes::SeenMark(kSite, marks_[name], address, marks_[name]);
    auto* alt_svc = out.mutable_http()->mutable_alt_svc();
    for (const std::string& field : fields) alt_svc->add_fields(field);
    return out;
  }
  void Report(const std::string& name, const std::vector<types::v1::Observation>& seen) {
    agent::v1::AgentMessage message;
    for (const auto& one : seen) *message.mutable_proof_report()->add_observations() = one;
    rig_.Say(name, message);
  }
  void Show(const std::string& name) {
    for (const char* address : {fakes::FleetRig::kService4, fakes::FleetRig::kService6}) {
      Report(name, {fakes::SeenTls(types::v1::PROBE_KIND_TLS, kSite, address, kLeaf), Quic(address),
                    Answer(name, address, {kPromise})});
    }
    const fleet::LiveNode* live = rig_.fleet.Find(Node(name));
    for (const IpAddress& own : live->node.addresses) {
      const std::string address = own.ToString();
      for (const auto& seen : {fakes::SeenTls(types::v1::PROBE_KIND_TLS, kSite, address, kLeaf),
                               Quic(address), Answer(name, address, {kPromise})}) {
        rig_.fleet.RecordWitnessed(live->node.name, live->boot_id, "witness", seen);
      }
    }
    rig_.state.RunAll();
  }
  lint::Report Lint() {
    std::vector<lint::Report> out;
    bool done = false;
    linter_->Lint({kSite}, [&](std::vector<lint::Report> reports) {
      out = std::move(reports);
      done = true;
    });
    EXPECT_TRUE(fakes::RunUntil(rig_.state, [&] { return done; }));
    EXPECT_EQ(out.size(), 1u);
    return out.empty() ? lint::Report() : out[0];
  }
  size_t Events(const std::string& kind) const {
    return static_cast<size_t>(
        std::ranges::count(rig_.events, kind, [](const auto& event) { return event.kind; }));
  }
  void Apply(const std::string& policy) {
    policies_.Apply({policy, "policy.toml", true},
                    [](const auto& applied) { ASSERT_TRUE(applied.ok()) << applied.status(); });
    rig_.state.RunAll();
  }

  fakes::PublishRig rig_;
  task::WorkerPool workers_{"worker", 1};
  sites::Sites sites_{rig_.database, rig_.state, {fakes::SiteOf(kSite)}};
  policy::Policies policies_{rig_.database, rig_.state, {}, std::nullopt};
  promises::Promises promises_{{},         rig_.database,  rig_.state,     rig_.journal,
                               rig_.fleet, rig_.witnesses, rig_.publisher, StoredPromise(),
                               {}};
  std::unique_ptr<fakes::DnsServer> server_;
  std::unique_ptr<dns::Resolver> resolver_;
  std::unique_ptr<Linter> linter_;
  std::map<std::string, std::string> marks_;
};

TEST_F(LinterTest, ASiteInStepHasNoFindingsAndEverythingWasLookedAt) {
  Begin();
  const auto report = Lint();
  EXPECT_THAT(RulesOf(report), IsEmpty());
  EXPECT_EQ(report.looked_at.at(Aspect::kPromise), kPromise);
  EXPECT_EQ(report.looked_at.at(Aspect::kDns), "1 of 1 host");
  EXPECT_EQ(report.looked_at.at(Aspect::kAnswers), "2 of 2 nodes");
  EXPECT_EQ(report.looked_at.at(Aspect::kHandshakes), "2 of 2 nodes");
  EXPECT_EQ(report.looked_at.at(Aspect::kMigration), "2 of 2 nodes");
  EXPECT_THAT(report.not_looked_at, ElementsAre("answers over HTTP/2 and HTTP/3"));
}

TEST_F(LinterTest, TheDnsIsAskedForWhatItSays) {
  Begin({Https(9000, kOwn + kH2 + kHint), Https(9000, kOneNode + kH2H3),
         "www.example.test. 300 IN A 203.0.113.10", "www.example.test. 300 IN A 198.51.100.7",
         "ams1.example.test. 300 IN A 10.77.0.1"});
  EXPECT_THAT(RulesOf(Lint()), ElementsAre("https-record-names-more", "https-record-names-node",
                                           "https-hints-for-itself", "https-hints-of-one-family"));
}

TEST_F(LinterTest, TheTtlOfARecordIsHeldAgainstThePromise) {
  Begin({Https(9000, kOwn + kH2H3)});
  EXPECT_THAT(RulesOf(Lint()), ElementsAre("https-ttl-above-max-age"));
}

TEST_F(LinterTest, ADnsThatIsSilentBreaksNoRuleAndIsNamed) {
  Begin();
  server_->AnswerRcode("www.example.test", 2);
  const auto report = Lint();
  EXPECT_THAT(RulesOf(report), IsEmpty());
  EXPECT_FALSE(report.looked_at.contains(Aspect::kDns));
  EXPECT_THAT(report.not_looked_at, Contains(HasSubstr("SERVFAIL")));
}

TEST_F(LinterTest, WhatANodeAnswersIsHeldAgainstThePromise) {
  Begin();
  Report("fra1",
         {Answer("fra1", fakes::FleetRig::kService4, {kPromise, "h3=\":443\"; ma=2592000"})});
  const auto report = Lint();
  EXPECT_THAT(RulesOf(report), ElementsAre("several-sources", "header-differs"));
  EXPECT_THAT(report.findings[1].what, ElementsAre(HasSubstr("fra1 h1: sends")));
  Report("fra1", {Answer("fra1", fakes::FleetRig::kService4, {})});
  EXPECT_THAT(RulesOf(Lint()), ElementsAre("header-missing"));
}

TEST_F(LinterTest, HandshakesWithTheAlternativeAreHeldAgainstThePromise) {
  Begin();
  auto silent = Quic(fakes::FleetRig::kService4);
  silent.clear_quic();
  silent.set_error("timed out after 2 s");
  Report("fra1", {silent});
  auto ending = Quic(fakes::FleetRig::kService4);
  ending.mutable_quic()->mutable_tls()->mutable_not_after()->set_seconds(
      ToUnixMicros(rig_.clock.Now() + minutes(1)) / 1'000'000);
  Report("ams1", {ending});
  EXPECT_THAT(RulesOf(Lint()),
              ElementsAre("alternative-not-answering", "certificate-ends-before-promise"));
}

TEST_F(LinterTest, WhatAWitnessMeetsIsHeldAgainstThePromise) {
  Begin();
  const fleet::LiveNode* live = rig_.fleet.Find(Node("fra1"));
  auto silent = Quic(live->node.addresses[0].ToString());
  silent.clear_quic();
  silent.set_error("timed out after 2 s");
  rig_.fleet.RecordWitnessed(live->node.name, live->boot_id, "ams1", silent);
  EXPECT_THAT(RulesOf(Lint()), ElementsAre("alternative-not-answering"));
}

TEST_F(LinterTest, ACertificateThatIsOnItsWayBreaksNoRule) {
  Begin();
  rig_.desired.certificates = {
      fakes::CertificateOf(kSite, {kSite}, 'b', rig_.clock.Now() - minutes(1))};
  rig_.Change();
  // The node shows it already, and has not said so.
  Report("ams1", {Quic(fakes::FleetRig::kService4, std::string(64, 'b'))});
  EXPECT_THAT(RulesOf(Lint()), IsEmpty());
}

TEST_F(LinterTest, ANodeThatIsWithdrawnIsNotLookedAt) {
  Begin();
  Report("fra1", {Answer("fra1", fakes::FleetRig::kService4, {})});
  agent::v1::AgentMessage message;
  auto* announce = message.mutable_heartbeat()->mutable_announce();
  announce->set_state(agent::v1::AnnounceState::STATE_WITHDRAWN);
  announce->set_confirmed(true);
  rig_.Say("fra1", message);
  const auto report = Lint();
  EXPECT_THAT(RulesOf(report), IsEmpty());
  EXPECT_EQ(report.looked_at.at(Aspect::kAnswers), "1 of 1 node");
}

TEST_F(LinterTest, WhatAnEarlierStartOfTheAgentShowedIsNotLookedAt) {
  Begin();
  Report("fra1", {Answer("fra1", fakes::FleetRig::kService4, {})});
  rig_.Disconnect("fra1");
  auto hello = rig_.MarkingHelloOf("fra1");
  hello.set_boot_id(std::string(16, 'c'));
  ASSERT_TRUE(rig_.Connect("fra1", hello).ok());
  rig_.Apply("fra1");
  const auto report = Lint();
  EXPECT_THAT(RulesOf(report), IsEmpty());
  EXPECT_EQ(report.looked_at.at(Aspect::kAnswers), "1 of 2 nodes");
}

TEST_F(LinterTest, AnAgentThatTellsNothingOfAltSvcBreaksNoRule) {
  Begin();
  auto seen = Answer("fra1", fakes::FleetRig::kService4, {});
  seen.mutable_http()->clear_alt_svc();
  Report("fra1", {seen});
  EXPECT_THAT(RulesOf(Lint()), IsEmpty());
}

TEST_F(LinterTest, AnAddressThatThePolicyGivesIsTheNodesOwn) {
  Begin();
  auto moved = Quic(fakes::FleetRig::kService4);
  moved.mutable_quic()->mutable_parameters()->set_preferred_ipv4("198.51.100.7:443");
  Report("fra1", {moved});
  const std::string behind_a_balancer =
      "[[node]]\nname = \"fra1\"\nsituation = \"four_tuple_lb\"\n";
  Apply(behind_a_balancer);
  EXPECT_THAT(RulesOf(Lint()), Contains("preferred-behind-balancer"));
  Apply(behind_a_balancer +
        "preferred_address = true\n"
        "preferred_v4 = { advertised = \"198.51.100.7\", bound = \"10.77.0.2\" }\n");
  EXPECT_THAT(RulesOf(Lint()), Not(Contains("preferred-behind-balancer")));
}

TEST_F(LinterTest, WhatNodesSayOfMigrationIsHeldAgainstThePolicy) {
  Begin();
  auto wrong = Quic(fakes::FleetRig::kService4);
  auto* said = wrong.mutable_quic()->mutable_parameters();
  said->set_disable_active_migration(false);
  said->set_preferred_ipv4("203.0.113.10:443");
  said->set_connection_id_bytes(0);
  wrong.mutable_quic()->set_move_error("timed out after 1 s");
  Report("fra1", {wrong});
  EXPECT_THAT(RulesOf(Lint()),
              ElementsAre("preferred-is-anycast", "preferred-not-answering",
                          "preferred-without-connection-id", "migration-other-than-wanted"));
  Apply("[[node]]\nname = \"fra1\"\nsituation = \"embedded\"\n");
  EXPECT_THAT(RulesOf(Lint()), Contains("preferred-where-forbidden"));
  Apply("[[node]]\nname = \"fra1\"\nsituation = \"four_tuple_lb\"\n");
  EXPECT_THAT(RulesOf(Lint()), Contains("preferred-behind-balancer"));
}

TEST_F(LinterTest, ThePolicyIsHeldAgainstThePromise) {
  Begin();
  Apply("[fleet]\nalt_svc_floor = \"10m\"\n[[node]]\nname = \"fra1\"\nquic_server = \"none\"\n");
  EXPECT_THAT(RulesOf(Lint()), ElementsAre("promise-outlives-alternative", "max-age-below-floor"));
}

TEST_F(LinterTest, OtherOperatorsOfTheNameMatterForALongPromise) {
  // The promise itself is five minutes, which is short enough for any name.
  SiteFacts facts = FactsOf(fakes::SiteOf(kSite),
                            {edge::Promise({edge::SameHostHttp3()}, Seconds(3600), false), {}}, {},
                            {}, {fakes::Ip("203.0.113.10")}, WallTime());
  AddDns({{fakes::Host(kSite), {}, {}, {fakes::Ip("198.51.100.7")}, {}}}, &facts);
  EXPECT_FALSE(facts.input.origin.sole_operator);
  EXPECT_EQ(edge::Lint(facts.input).at(0).rule, "several-operators");
}

TEST_F(LinterTest, WhatTheFleetSendsUntilARolloutHasEndedIsAsTrue) {
  Begin();
  const std::string longer = "h3=\":443\"; ma=3600";
  rig_.desired.alt_svc = {{kSite, longer}};
  Roll();
  // The fleet sends the longer value, and what is wanted by now is the shorter one.
  Report("fra1", {Answer("fra1", fakes::FleetRig::kService4, {longer})});
  EXPECT_THAT(RulesOf(Lint()), IsEmpty());
}

TEST_F(LinterTest, NothingIsSaidOfMigrationDuringARollout) {
  Begin();
  auto wrong = Quic(fakes::FleetRig::kService4);
  wrong.mutable_quic()->mutable_parameters()->set_disable_active_migration(false);
  Report("fra1", {wrong});
  rig_.desired.sites = {fakes::SiteOf(kSite, "another body")};
  rig_.Change();
  const auto report = Lint();
  EXPECT_THAT(RulesOf(report), IsEmpty());
  EXPECT_THAT(report.not_looked_at, Contains("migration: a rollout is under way"));
}

TEST_F(LinterTest, TellsWhatIsNewWithARolloutAndWhatIsGone) {
  Begin();
  Report("fra1", {Answer("fra1", fakes::FleetRig::kService4, {})});
  linter_->OnPlanned();
  ASSERT_TRUE(fakes::RunUntil(rig_.state, [&] { return Events("lint.found") == 1; }));
  EXPECT_THAT(rig_.events.back().text, HasSubstr("header-missing: fra1 h1"));
  EXPECT_EQ(rig_.events.back().subject, kSite);
  Lint();
  EXPECT_EQ(Events("lint.found"), 1u) << "it is known";
  Show("fra1");
  EXPECT_THAT(RulesOf(Lint()), IsEmpty());
  EXPECT_EQ(Events("lint.gone"), 1u);
}

TEST_F(LinterTest, ChangesDuringALookAtAllSitesAreLookedAtAfterwards) {
  Begin();
  for (int i = 0; i < 5; ++i) linter_->OnPlanned();
  const auto asked = [&] {
    const auto questions = server_->questions();
    return std::ranges::count(questions, "www.example.test. A");
  };
  ASSERT_TRUE(fakes::RunUntil(rig_.state, [&] { return asked() == 1; }));
  linter_->OnPlanned();
  rig_.state.RunAll();
  EXPECT_EQ(asked(), 1);
  ASSERT_TRUE(fakes::RunUntil(rig_.state, [&] {
    rig_.state.AdvanceBy(Seconds(6));
    return asked() == 2;
  }));
}

TEST(KnownFindingsTest, AFindingIsGoneOnlyWhereItWasLookedForAgain) {
  KnownFindings known;
  lint::Report report{kSite, {{"r", edge::LintSeverity::kError, "harm", {"x"}}}, {}, {}, {}};
  report.looked_at = {{Aspect::kDns, "1 of 2 hosts"}};
  EXPECT_EQ(known.Note(report).found.size(), 1u);
  EXPECT_EQ(known.Note(report).found.size(), 0u);
  report.findings.clear();
  EXPECT_THAT(known.Note(report).gone, IsEmpty()) << "it may be the other host's";
  report.looked_at.clear();
  EXPECT_THAT(known.Note(report).gone, IsEmpty());
  report.whole = {Aspect::kDns, Aspect::kAnswers};
  EXPECT_THAT(known.Note(report).gone, ElementsAre("r"));
  EXPECT_THAT(known.Note(report).gone, IsEmpty());
}

}  // namespace
}  // namespace lockstep::controller::lint
