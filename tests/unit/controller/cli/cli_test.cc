// What each command prints where, and its exit code.
#include "controller/cli/cli.h"

#include <gmock/gmock.h>

#include <fstream>

#include "controller/cli/words.h"
#include "tests/unit/controller/cli/fake_admin.h"

namespace lockstep::controller::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// No line is wider than a terminal that nobody had to stretch.
void ExpectNarrow(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(DisplayWidth(line), kMaxColumns) << line;
  }
}

TEST_F(CliTest, TokenCreatePrintsTheTokenAloneOnStandardOutput) {
  admin.token.set_text("ls1.fra1.0123456789abcdef.secret.pin");
  Set(admin.token.mutable_token()->mutable_expires_at(), 600);
  const Ran ran = Run({"token", "create", "--node", "fra1", "--pop", "fra"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "ls1.fra1.0123456789abcdef.secret.pin\n");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("2026-11-21 20:10:00"), Not(HasSubstr("secret"))));
  EXPECT_EQ(admin.last_token.node(), "fra1");
  EXPECT_EQ(admin.last_token.pop(), "fra");
  EXPECT_EQ(admin.last_token.lifetime().seconds(), 600);
}

TEST_F(CliTest, NodeListShowsEveryPageAsATable) {
  auto& ams = *admin.nodes.add_nodes();
  ams.set_name("ams1");
  ams.set_pop("ams");
  ams.set_connected(true);
  Set(ams.mutable_connection_changed_at(), -90);
  ams.set_announcing(true);
  ams.set_serving_generation(12);
  ams.set_target_generation(12);
  ams.set_proved_generation(12);
  ams.set_agent_version("0.1.0");
  auto& fra = *admin.nodes.add_nodes();
  fra.set_name("fra1");
  fra.set_pop("fra");
  fra.set_serving_generation(11);
  fra.set_target_generation(12);
  fra.add_warnings("caddy's unix socket is gone");
  const Ran ran = Run({"node", "list"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "NODE  POP  CONNECTED         ANNOUNCES  SERVES   PROVED  AGENT  WARNINGS\n"
            "ams1  ams  ✓ for 1 min 30 s  yes        12       12      0.1.0  -\n"
            "fra1  fra  ✗ never           withdrawn  11 → 12  0       -      "
            "✗ caddy's unix socket is gone\n")
      << ran.out;
  ExpectNarrow(ran.out);
}

TEST_F(CliTest, OutputJsonMayStandBeforeOrAfterTheVerb) {
  admin.nodes.add_nodes()->set_name("ams1");
  const Ran before = Run({"-o", "json", "node", "list"});
  const Ran after = Run({"node", "list", "-o", "json"});
  EXPECT_EQ(before.out, after.out);
  EXPECT_THAT(before.out, HasSubstr("\"name\": \"ams1\""));
  // Names as in the proto files, and every field, so that scripts need not guess.
  EXPECT_THAT(before.out, HasSubstr("\"target_generation\": \"0\""));
}

TEST_F(CliTest, AnEmptyListSaysWhatToDo) {
  EXPECT_THAT(Run({"node", "list"}).out, HasSubstr("lockstep token create"));
  EXPECT_THAT(Run({"cert", "list"}).out, HasSubstr("lockstep cert issue"));
}

TEST_F(CliTest, StatusIsDegradedWhenSomethingIsNotAsItShouldBe) {
  admin.status.set_version("0.1.0");
  admin.status.set_nodes(3);
  admin.status.set_nodes_connected(3);
  admin.status.set_nodes_announcing(3);
  admin.status.set_nodes_in_step(3);
  Set(admin.status.mutable_started_at(), -3600);
  Ran ran = Run({"status"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("lockstep 0.1.0, up 1 h"), HasSubstr("✓ 3 of 3")));
  admin.status.add_problems("fra1: is not connected");
  admin.status.set_nodes_connected(2);
  ran = Run({"status"});
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kDegraded));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("✗ 2 of 3"), HasSubstr("✗ fra1: is not connected")));
  EXPECT_EQ(Run({"-o", "json", "status"}).code, static_cast<int>(ExitCode::kDegraded));
}

TEST_F(CliTest, SiteApplySendsTheFileAndSaysWhatChanged) {
  auto& change = *admin.applied.add_changes();
  change.set_kind(v1::SiteChange::KIND_UPDATE);
  change.set_site("www.example.test");
  change.add_lines("-body = \"old\"");
  admin.applied.set_generation(7);
  Ran ran = Run({"site", "apply", "-f", "-"}, "[[site]]\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(admin.last_apply.text(), "[[site]]\n");
  EXPECT_EQ(admin.last_apply.file_name(), "standard input");
  EXPECT_EQ(ran.out, "~ www.example.test\n");
  EXPECT_EQ(ran.err, "generation 7 carries it to the nodes\n");
  ran = Run({"site", "diff", "-f", "-"}, "[[site]]\n");
  EXPECT_TRUE(admin.last_apply.dry_run());
  EXPECT_EQ(ran.out, "~ www.example.test\n    -body = \"old\"\n");
}

TEST_F(CliTest, SiteApplyWaitsForTheGeneration) {
  admin.applied.add_changes()->set_kind(v1::SiteChange::KIND_CREATE);
  admin.applied.set_generation(7);
  auto& generation = *admin.generations[7].mutable_generation();
  generation.set_state(v1::Generation::STATE_SOAKING);
  EXPECT_EQ(Run({"site", "apply", "--wait", "-f", "-"}, "x").code, 0);
  generation.set_state(v1::Generation::STATE_ROLLED_BACK);
  generation.set_problem("fra1: caddy refused it");
  const Ran ran = Run({"site", "apply", "--wait", "-f", "-"}, "x");
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kFailed));
  EXPECT_THAT(ran.err, HasSubstr("rolled back: fra1: caddy refused it"));
}

TEST_F(CliTest, ASiteApplyThatWaitedInVainNamesTheNodesThatAreMissing) {
  admin.applied.set_generation(7);
  v1::GetGenerationResponse& seen = admin.generations[7];
  seen.mutable_generation()->set_state(v1::Generation::STATE_ROLLING_OUT);
  seen.mutable_generation()->set_wave(1);
  seen.mutable_generation()->set_waves(2);
  seen.mutable_generation()->set_nodes(3);
  seen.mutable_generation()->set_nodes_proved(1);
  seen.add_missing("fra1: is not connected");
  seen.add_missing("nyc1: waits for its wave");
  const Ran ran = Run({"site", "apply", "--wait", "--timeout", "0", "-f", "-"}, "x");
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kDeclined));
  EXPECT_EQ(ran.err,
            "generation 7 carries it to the nodes\n"
            "generation 7: wave 1 of 2, proved by 1 of 3\n"
            "lockstep: generation 7 is not everywhere after 0 us (wave 1 of 2, proved by 1 of 3); "
            "it goes on\n"
            "  fra1: is not connected\n"
            "  nyc1: waits for its wave\n"
            "look again: lockstep generation show 7\n");
}

TEST_F(CliTest, AFileThatCannotBeReadIsAUsageError) {
  const Ran ran = Run({"site", "apply", "-f", "/nowhere/sites.toml"});
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kUsage));
  EXPECT_EQ(ran.err, "lockstep: cannot read \"/nowhere/sites.toml\"\n");
}

TEST_F(CliTest, ADirectoryIsNoSiteFile) {
  const Ran ran = Run({"site", "diff", "-f", "/usr"});
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kUsage));
  EXPECT_EQ(ran.err, "lockstep: cannot read \"/usr\"\n");
}

TEST_F(CliTest, ATooLargeSiteFileIsNotSent) {
  const Ran ran = Run({"site", "apply", "-f", "-"}, std::string((size_t{1} << 20) + 1, '#'));
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kUsage));
  EXPECT_EQ(ran.err,
            "lockstep: standard input has more than 1 MiB: a site file may not be larger\n");
  EXPECT_THAT(admin.last_apply.text(), IsEmpty());
}

TEST_F(CliTest, ASiteFileIsUtf8) {
  for (const std::string text : {"\xff\xfe", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82"}) {
    const Ran ran = Run({"site", "apply", "-f", "-"}, text);
    EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kUsage));
    EXPECT_EQ(ran.err, "lockstep: standard input is not UTF-8 text: a site file is TOML\n");
  }
  EXPECT_EQ(Run({"site", "apply", "-f", "-"},
                "# b\xc3\xbc"
                "cher \xf0\x9f\x94\x92\n")
                .code,
            0);
}

TEST_F(CliTest, OutputThatGetsLostIsAFailure) {
  const std::vector<const char*> argv = {"lockstep", "--socket", "",      "token", "create",
                                         "--node",   "fra1",     "--pop", "fra"};
  const std::string socket = Socket();
  std::vector<const char*> given = argv;
  given[2] = socket.c_str();
  std::istringstream in;
  std::ofstream full("/dev/full");
  std::ostringstream err;
  EXPECT_EQ(Main(static_cast<int>(given.size()), given.data(), in, full, err, clock),
            static_cast<int>(ExitCode::kFailed));
  EXPECT_THAT(err.str(), HasSubstr("lockstep: cannot write to standard output\n"));
}

TEST_F(CliTest, CertCheckIsDegradedWhenANodeIsOutOfStep) {
  admin.checked.set_in_step(true);
  EXPECT_EQ(Run({"cert", "check", "www.example.test"}).code, 0);
  admin.checked.set_in_step(false);
  admin.checked.add_problems("fra1: QUIC certificate for www.example.test is another");
  const Ran ran = Run({"cert", "check", "www.example.test"});
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kDegraded));
  EXPECT_THAT(ran.out, HasSubstr("✗ fra1: QUIC certificate"));
}

TEST_F(CliTest, ErrorsGoToStandardErrorOneLineEach) {
  admin.failure = {grpc::StatusCode::INVALID_ARGUMENT, "hosts[0]: bad\nhosts[1]: \x1b[2Jworse"};
  const Ran ran = Run({"cert", "issue", "x", "y"});
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kUsage));
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(ran.err, "lockstep: hosts[0]: bad\nlockstep: hosts[1]: \\x1b[2Jworse\n");
}

TEST_F(CliTest, BanSendsTheReason) {
  const Ran ran = Run({"node", "ban", "fra1", "--reason", "stolen"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(admin.last_ban.name(), "fra1");
  EXPECT_EQ(admin.last_ban.reason(), "stolen");
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(ran.err, "fra1 is banned\n");
}

TEST_F(CliTest, RemovingANodeThatAnnouncesIsSaid) {
  admin.node.mutable_node()->set_announcing(true);
  Ran ran = Run({"node", "remove", "fra1"});  // never heard of
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "fra1 is removed\n");
  EXPECT_EQ(admin.last_removed, "fra1");
  admin.node.mutable_node()->set_announce_evidence("bird exports 203.0.113.10/32");
  ran = Run({"node", "remove", "fra1"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err,
            "fra1 is removed\n"
            "lockstep: fra1 announced the service addresses when last heard of (bird exports "
            "203.0.113.10/32): stop that, orders no longer wait for it\n");
}

TEST_F(CliTest, NobodyIsDeclaredGoneUnlessItIsVouchedFor) {
  const Ran ran = Run({"node", "gone", "fra1"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("--answers-nobody"), HasSubstr("fra1")));
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(admin.last_gone.name(), "") << "the controller was asked";
}

TEST_F(CliTest, ANodeThatIsGoneSaysWhichSitesClientsHoldOfIt) {
  admin.gone.add_sites("shop.example.test");
  admin.gone.add_sites("www.example.test");
  const Ran ran = Run({"node", "gone", "fra1", "--answers-nobody"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(admin.last_gone.name(), "fra1");
  EXPECT_TRUE(admin.last_gone.answers_nobody());
  EXPECT_THAT(ran.err, HasSubstr("shop.example.test, www.example.test"));
  EXPECT_THAT(Run({"node", "gone", "fra1", "--answers-nobody", "-o", "json"}).out,
              HasSubstr("\"www.example.test\""));
}

TEST_F(CliTest, AConnectedNodeIsNotGone) {
  admin.failure = {grpc::StatusCode::FAILED_PRECONDITION, "node fra1 is connected: it is not gone"};
  const Ran ran = Run({"node", "gone", "fra1", "--answers-nobody"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, HasSubstr("node fra1 is connected: it is not gone"));
}

TEST_F(CliTest, WithoutAControllerItSaysSo) {
  server.reset();
  const Ran ran = Run({"node", "list"});
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kUnavailable));
  EXPECT_THAT(ran.err, HasSubstr("is the controller running"));
}

TEST_F(CliTest, WrongUseNamesTheProblemAndPointsToHelp) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"node"},
                                                    {"node", "lsit"},
                                                    {"frobnicate"},
                                                    {"token", "create", "--node", "fra1"},
                                                    {"-o", "yaml", "status"},
                                                    {"node", "list", "--nonsense"},
                                                    {"completion", "fish"}}) {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kUsage)) << ran.err;
    EXPECT_THAT(ran.err, AllOf(StartsWith("lockstep: "), HasSubstr("--help"))) << ran.err;
    EXPECT_THAT(ran.out, IsEmpty());
  }
}

TEST_F(CliTest, AMistypedCommandGetsTheNearestOne) {
  EXPECT_THAT(
      Run({"node", "lsit"}).err,
      StartsWith("lockstep: there is no command \"node lsit\"; did you mean \"node list\"?"));
  EXPECT_THAT(Run({"-o", "json", "certs", "list"}).err, HasSubstr("did you mean \"cert\"?"));
}

TEST_F(CliTest, HelpIsData) {
  const Ran ran = Run({"cert", "issue", "--help"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("--wait"));
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(CliTest, VersionWorksWithoutAController) {
  admin.status.set_version("9.9.9");
  EXPECT_THAT(Run({"version"}).out, HasSubstr("9.9.9"));
  server.reset();
  const Ran ran = Run({"version"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("not reachable"));
}

TEST_F(CliTest, EventsAreATableOfTheNewest) {
  v1::Event event;
  Set(event.mutable_at(), 0);
  event.set_severity("warning");
  event.set_kind("node.disconnected");
  event.set_subject("fra1");
  event.set_text("the stream ended");
  admin.events.push_back(event);
  const Ran ran = Run({"events"});
  EXPECT_THAT(ran.out, HasSubstr("2026-11-21 20:00:00  ✗  node.disconnected  fra1   the stream "
                                 "ended"));
}

}  // namespace
}  // namespace lockstep::controller::cli
