// policy … and quic-keys …: what they send and print.
#include <gmock/gmock.h>

#include "controller/cli/table.h"
#include "controller/cli/words.h"
#include "tests/unit/controller/cli/fake_admin.h"

namespace lockstep::controller::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class PolicyCliTest : public CliTest {};

TEST_F(PolicyCliTest, ApplySendsTheFileAndSaysWhatDoesNotExist) {
  admin.policy_applied.set_generation(7);
  admin.policy_applied.add_warnings("no node fra9 is enrolled yet");
  const Ran ran = Run({"policy", "apply", "-f", "-"}, "[fleet]\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(admin.last_policy.text(), "[fleet]\n");
  EXPECT_EQ(admin.last_policy.file_name(), "standard input");
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "lockstep: no node fra9 is enrolled yet\ngeneration 7 carries it to the nodes\n");
}

TEST_F(PolicyCliTest, ApplyWaitsForTheGeneration) {
  admin.policy_applied.set_generation(7);
  auto& generation = *admin.generations[7].mutable_generation();
  generation.set_state(v1::Generation::STATE_ROLLED_BACK);
  generation.set_problem("fra1: caddy refused it");
  const Ran ran = Run({"policy", "apply", "--wait", "-f", "-"}, "x");
  EXPECT_EQ(ran.code, static_cast<int>(ExitCode::kFailed));
  EXPECT_THAT(ran.err, HasSubstr("rolled back: fra1: caddy refused it"));
}

TEST_F(PolicyCliTest, ShowPrintsAFileThatCanBeAppliedAgain) {
  admin.policy.set_text("[fleet]\nquic_server = \"quicd\"\n");
  EXPECT_EQ(Run({"policy", "show"}).out,
            "# no policy was applied yet\n[fleet]\nquic_server = \"quicd\"\n");
  EXPECT_THAT(Run({"policy", "show", "-o", "json"}).out, HasSubstr("\"text\": \"[fleet]"));
}

TEST_F(PolicyCliTest, ExplainShowsWhatIsNotEnforceableAndWhatWasSeen) {
  admin.explained.set_node("ams1");
  admin.explained.set_server("caddy/2.6.2");
  auto& knob = *admin.explained.add_knobs();
  knob.set_site("www.example.test");
  knob.set_knob("preferred_address");
  knob.set_wanted("true");
  knob.set_from("fleet, from its situation");
  knob.set_offered("not offered");
  knob.set_resulting("none");
  auto& sight = *admin.explained.add_sights();
  sight.set_host("www.example.test");
  sight.set_address("203.0.113.10");
  sight.set_observer("ams1");
  sight.set_disable_active_migration(true);
  sight.mutable_idle_timeout()->set_seconds(30);
  auto& promise = *admin.explained.add_alt_svc();
  promise.set_site("www.example.test");
  promise.set_value("h3=\":443\"; ma=300");
  promise.set_phase("advertising");
  promise.set_note("ma=3600 in 12 min");
  auto& sending = *promise.add_nodes();
  sending.add_values("");
  sending.add_values("h3=\":443\"; ma=300");
  sending.set_missing("ams1: serves a generation with none");
  const Ran ran = Run({"policy", "explain", "ams1", "www.example.test"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(admin.last_explain.site(), "www.example.test");
  EXPECT_THAT(ran.out, AllOf(HasSubstr("caddy/2.6.2"), HasSubstr("not enforceable"),
                             HasSubstr("disable_active_migration true")));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("advertising"), HasSubstr("none, then h3=\":443\""),
                             HasSubstr("ma=3600 in")));
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), kMaxColumns);
}

TEST_F(PolicyCliTest, KeysAreAges) {
  auto& key = *admin.quic_keys.add_keys();
  key.set_role("ticket current");
  key.set_fingerprint("0123456789abcdef");
  Set(key.mutable_created_at(), -90);
  EXPECT_THAT(Run({"quic-keys", "show"}).out,
              AllOf(HasSubstr("ticket current"), HasSubstr("0123456789abcdef"),
                    HasSubstr("1 min 30 s ago")));
}

}  // namespace
}  // namespace lockstep::controller::cli
