#include "controller/app/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::app {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  Result<Config> Read(const std::string& text) {
    const std::string path = directory_ / "controller.toml";
    std::ofstream(path) << text;
    return Config::FromFile(path);
  }
  std::string ErrorsOf(const std::string& text) {
    const auto config = Read(text);
    return config.ok() ? "" : config.status().message();
  }
  fakes::TempDirectory directory_;
};

constexpr char kLeast[] = R"(
state_dir = "/var/lib/lockstep"
[listen]
agents = "192.0.2.1:7443"
enroll = "192.0.2.1:7444"
[fleet]
service_addresses = ["203.0.113.10", "2001:db8:a::10"]
[acme]
server = "https://acme.example.test/directory"
email = "ops@example.test"
)";

TEST_F(ConfigTest, TheRestHasDefaults) {
  const auto config = Read(kLeast);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->DatabasePath(), "/var/lib/lockstep/lockstep.db");
  EXPECT_EQ(config->barrier.deadline, Seconds(60));
  EXPECT_EQ(config->barrier.policy.straggler, barrier::Policy::Straggler::kWait);
  EXPECT_EQ(config->rehearsal, witness::RehearsalMode::kRequire);
  EXPECT_EQ(config->rollout.waves.size(), 4u);
  EXPECT_EQ(config->acme.parallel, 4);
}

TEST_F(ConfigTest, CertbotMustOutlastTheBarrierThatItWaitsFor) {
  const std::string errors =
      ErrorsOf(std::string(kLeast) + "order_deadline = \"30s\"\n[barrier]\ndeadline = \"30s\"\n");
  EXPECT_NE(
      errors.find("`acme.order_deadline`: must be longer than barrier.deadline: certbot waits "
                  "while it runs"),
      std::string::npos)
      << errors;
}

TEST_F(ConfigTest, LooksComeFromOneAddressOfEachFamily) {
  const auto with = [](const std::string& addresses) {
    std::string text = kLeast;
    return text.insert(text.find("[fleet]"), "looks_from = [" + addresses + "]\n");
  };
  const auto config = Read(with(R"("192.0.2.1", "2001:db8::1")"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->listen.looks_from.size(), 2u);
  EXPECT_NE(ErrorsOf(with(R"("192.0.2.1", "192.0.2.2")"))
                .find("`listen.looks_from`: must hold at most one address of each family"),
            std::string::npos);
}

TEST_F(ConfigTest, EveryErrorIsReportedAtOnce) {
  const std::string errors = ErrorsOf(R"(
state_dir = "relative"
[listen]
agents = "192.0.2.1:7443"
enroll = "192.0.2.1:7443"
[fleet]
service_addresses = []
[acme]
server = "http://acme.example.test/"
email = "-v"
parallel = 0
[barrier]
straggler = "hope"
tolerate = 2
[rollout]
waves = ["0", "half"]
soack = "1s"
)");
  std::string wanted;
  for (const char* line :
       {"2:13: `state_dir`: must be an absolute path, not \"relative\"",
        "5:10: `listen.enroll`: must differ from listen.agents: enrolment has its own listener",
        "7:21: `fleet.service_addresses`: must hold at least one address",
        "9:10: `acme.server`: must be the https:// address of an ACME directory",
        "10:9: `acme.email`: must be a mail address",
        "11:12: `acme.parallel`: must be between 1 and 64",
        "13:13: `barrier.straggler`: must be one of wait, pull, tolerate",
        "14:12: `barrier.tolerate`: only counts with straggler = \"tolerate\"",
        // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one line of the output each
        "16:9: `rollout.waves`: wave \"0\" must be a number of nodes (\"1\") or a part of the "
        "fleet (\"10%\")",
        "16:9: `rollout.waves`: wave \"half\" must be a number of nodes (\"1\") or a part of the "
        "fleet (\"10%\")",
        "17:1: unknown key `rollout.soack` (did you mean `soak`?)"}) {
    wanted += (wanted.empty() ? "" : "\n") + (directory_ / "controller.toml") + ":" + line;
  }
  EXPECT_EQ(errors, wanted);
}

TEST_F(ConfigTest, WhatIsMissingIsNamed) {
  const std::string errors = ErrorsOf("");
  for (const char* wanted : {"state_dir", "listen", "fleet", "acme"}) {
    EXPECT_NE(errors.find(wanted), std::string::npos) << wanted << " is not in:\n" << errors;
  }
}

}  // namespace
}  // namespace lockstep::controller::app
