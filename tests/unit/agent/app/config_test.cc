#include "agent/app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lockstep::agent::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kWhole[] = R"(
state_dir = "/var/lib/lockstep/agent"
[controller]
session = "10.77.250.2:7443"
enroll = "10.77.250.2:7444"
name = "lockstep-controller"
[node]
addresses = ["10.77.2.2", "fd77:2::2"]
[caddy]
admin_socket = "/run/caddy/admin.sock"
[challenge]
directory = "/run/lockstep/challenges"
miss_socket = "/run/lockstep/miss/miss.sock"
)";

TEST(ConfigTest, AWholeOneIsRead) {
  const auto config = ParseConfig(kWhole, "agent.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->session.ToString(), "10.77.250.2:7443");
  EXPECT_EQ(config->addresses.size(), 2u);
  EXPECT_FALSE(config->caddy_take_over);
  EXPECT_FALSE(config->bird_socket);
  EXPECT_EQ(config->soak, Seconds(60));
}

TEST(ConfigTest, AllErrorsComeAtOnce) {
  const Status status = ParseConfig(R"(
state_dir = "relative"
[controller]
sesion = "10.77.250.2:7443"
enroll = "nowhere"
[node]
addresses = []
[caddy]
admin_socket = "/run/caddy/../admin.sock"
[challenge]
directory = "/run/lockstep/challenges"
)",
                                    "agent.toml")
                            .status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("state_dir"), HasSubstr("sesion"), HasSubstr("controller.enroll"),
                    HasSubstr("must hold at least one address"), HasSubstr("caddy.admin_socket"),
                    HasSubstr("miss_socket")));
}

TEST(ConfigTest, TwoSourcesOfTheAnnounceStateAreRefused) {
  const std::string text = std::string(kWhole) +
                           "[bird]\nsocket = \"/run/bird/bird.ctl\"\n"
                           "[announce]\nfile = \"/run/announce\"\n";
  EXPECT_THAT(ParseConfig(text, "agent.toml").status().message(),
              HasSubstr("cannot stand beside [bird]"));
}

TEST(ConfigTest, BirdIsOnlyReadUnlessItSaysWhatMayBeDisabled) {
  const std::string bird = std::string(kWhole) + "[bird]\nsocket = \"/run/bird/bird.ctl\"\n";
  EXPECT_TRUE(ParseConfig(bird, "agent.toml")->bird_may_disable.empty());
  const auto given = ParseConfig(bird + "may_disable = [\"service4\"]\n", "agent.toml");
  EXPECT_EQ(given->bird_may_disable, std::vector<std::string>{"service4"});
  EXPECT_THAT(
      ParseConfig(bird + "may_disable = [\"all; down\"]\n", "agent.toml").status().message(),
      HasSubstr("must name protocols of BIRD"));
}

}  // namespace
}  // namespace lockstep::agent::app
