// Clients that move, or seem to: the preferred address, NAT rebinding, active migration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/agent_quicd/rig.h"

namespace lockstep::agent::quicd {
namespace {

using server::Drop;
using ::testing::HasSubstr;

constexpr const char* kName = "www.example.test";
constexpr size_t kBytes = 3'000'000;
const std::string kPath = "/bytes/" + std::to_string(kBytes);

server::Settings WithPreferred(uint16_t port) {
  server::Settings settings = MakeSettings("node-aaa", port, Pair::Make({kName}));
  const Endpoint preferred{IpAddress::Parse("127.0.0.2").value(), port};
  settings.preferred_v4 = {preferred, preferred};
  return settings;
}

TEST(MigrationTest, AClientMovesToThePreferredAddress) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(WithPreferred(port)).ok());
  const Asked moved = Ask("127.0.0.1", port, kPath);
  EXPECT_EQ(moved.body.size(), kBytes) << moved.output;
  EXPECT_EQ(rig.counters().preferred_address_migrations, 1U);

  const Asked stayed = Ask("127.0.0.1", port, kPath, {"--no-preferred-addr"});
  EXPECT_EQ(stayed.body.size(), kBytes) << stayed.output;
  EXPECT_EQ(rig.counters().preferred_address_migrations, 1U);
}

TEST(MigrationTest, ThePreferredAddressIsNoDoorButForWitnesses) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(WithPreferred(port)).ok());
  probe::QuicRequest request;
  request.route.target = {IpAddress::Parse("127.0.0.2").value(), port};
  request.route.deadline = Millis(400);
  request.sni = Hostname::Parse(kName).value();
  EXPECT_FALSE(probe::QuicHandshake(request).handshake);
  server::Counters counters = rig.counters();
  EXPECT_GT(counters.dropped(Drop::kNotAWitness), 0U);
  EXPECT_EQ(counters.datagrams_sent, 0U);

  server::Settings settings = WithPreferred(port);
  settings.witnesses = {IpAddress::Parse("127.0.0.9").value()};
  ASSERT_TRUE(rig.Configure(std::move(settings)).ok());
  request.route.source = IpAddress::Parse("127.0.0.9").value();
  request.route.deadline = Seconds(5);
  const auto seen = probe::QuicHandshake(request);
  EXPECT_TRUE(seen.handshake) << seen.error;
}

TEST(MigrationTest, ANatThatForgetsItsPortDoesNotEndADownload) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, Pair::Make({kName}))).ok());
  const Asked asked =
      Ask("127.0.0.1", port, "/bytes/30000000", {"--change-local-addr=10ms", "--nat-rebinding"});
  EXPECT_EQ(asked.body.size(), 30000000U) << asked.output.substr(0, 2000);
  EXPECT_GE(rig.counters().rebindings, 1U);
}

TEST(MigrationTest, AClientThatMayMoveDoes) {
  const uint16_t port = FreePort();
  Rig rig;
  server::Settings settings = MakeSettings("node-aaa", port, Pair::Make({kName}));
  settings.sites[0].policy.disable_active_migration = false;
  ASSERT_TRUE(rig.Configure(std::move(settings)).ok());
  const Asked asked = Ask("127.0.0.1", port, "/bytes/30000000", {"--change-local-addr=10ms"});
  EXPECT_EQ(asked.body.size(), 30000000U) << asked.output.substr(0, 2000);
  EXPECT_THAT(asked.output, HasSubstr("PATH_CHALLENGE"));
}

}  // namespace
}  // namespace lockstep::agent::quicd
