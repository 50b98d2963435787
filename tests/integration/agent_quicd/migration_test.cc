// Clients that move, or seem to: the preferred address, NAT rebinding, active migration.
#include <gtest/gtest.h>
#include <nghttp3/nghttp3.h>

#include "tests/integration/agent_quicd/raw_client.h"
#include "tests/integration/agent_quicd/rig.h"

namespace lockstep::agent::quicd {
namespace {

using server::Drop;

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

TEST(MigrationTest, AClientThatMayMoveDoes) {
  const uint16_t port = FreePort();
  Rig rig;
  server::Settings settings = MakeSettings("node-aaa", port, Pair::Make({kName}));
  settings.sites[0].policy.disable_active_migration = false;
  ASSERT_TRUE(rig.Configure(std::move(settings)).ok());
  const Asked asked = Ask("127.0.0.1", port, "/bytes/30000000", {"--change-local-addr=10ms"});
  EXPECT_EQ(asked.body.size(), 30000000U) << asked.output.substr(0, 2000);
  // To another port, as gtlsclient does it.
  EXPECT_EQ(rig.counters().rebindings, 1U);
}

int64_t Begin(RawClient& client, const std::string& path) {
  const int64_t stream = client.OpenRequest();
  client.Write(
      stream,
      Headers({{":method", "GET"}, {":scheme", "https"}, {":authority", kName}, {":path", path}}),
      true);
  return stream;
}

// A request on the connection; its status, or 0 if nothing came in time.
int Request(RawClient& client) {
  const int64_t stream = Begin(client, "/bytes/3");
  client.RunUntil([&] { return client.stream(stream).fin; });
  return StatusOf(client.stream(stream).received);
}

TEST(MigrationTest, ANatThatForgetsItsPortDoesNotEndADownload) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, Pair::Make({kName}))).ok());
  RawClient client(port, kName);
  const int64_t download = Begin(client, kPath);
  ASSERT_TRUE(client.RunUntil([&] { return client.stream(download).received.size() > 100'000; }));
  ASSERT_FALSE(client.stream(download).fin);
  client.ComeFrom("127.0.0.1");
  EXPECT_EQ(Request(client), 200);
  EXPECT_TRUE(client.RunUntil([&] { return client.stream(download).fin; }));
  EXPECT_GT(client.stream(download).received.size(), kBytes);
  EXPECT_EQ(rig.counters().rebindings, 1U);
}

TEST(MigrationTest, AClientThatMustNotMoveAndDoesMeetsSilenceAndMayComeBack) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, Pair::Make({kName}))).ok());
  RawClient client(port, kName);
  EXPECT_EQ(Request(client), 200);
  const uint64_t sent = rig.counters().datagrams_sent;

  client.ComeFrom("127.0.0.5");
  const int64_t unheard = client.OpenRequest();
  client.Write(unheard, "anything", false);
  ASSERT_TRUE(client.RunUntil([&] { return rig.counters().dropped(Drop::kMigrationBarred) >= 2; }));
  EXPECT_FALSE(client.closed());
  EXPECT_LE(rig.counters().datagrams_sent,
            sent + 5);  // to where it was before, for what was under way
  EXPECT_EQ(rig.counters().stateless_resets_sent, 0U);

  client.ComeFrom("127.0.0.1");
  EXPECT_EQ(Request(client), 200);
  EXPECT_FALSE(client.closed());
}

TEST(MigrationTest, AConnectionOnAnAddressThatIsTakenAwayIsClosedAndAMovedOneLivesOn) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(WithPreferred(port)).ok());
  RawClient stays(port, kName);
  EXPECT_EQ(Request(stays), 200);
  RawClient moves(port, kName, true);
  EXPECT_EQ(Request(moves), 200);
  ASSERT_TRUE(moves.RunUntil([&] { return rig.counters().preferred_address_migrations == 1; }));

  server::Settings settings = WithPreferred(port);
  settings.service_addresses = {IpAddress::Parse("::1").value()};
  const Status configured = rig.Configure(std::move(settings));
  ASSERT_TRUE(configured.ok()) << configured;
  stays.RunUntil([&] { return stays.closed().has_value(); });
  EXPECT_EQ(stays.closed(), (RawClient::Closed{true, NGHTTP3_H3_NO_ERROR}));
  EXPECT_EQ(Request(moves), 200);
}

TEST(MigrationTest, OnThePreferredAddressItMayComeFromAnywhere) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(WithPreferred(port)).ok());
  RawClient client(port, kName, true);
  EXPECT_EQ(Request(client), 200);
  ASSERT_TRUE(client.RunUntil([&] { return client.server().address.ToString() == "127.0.0.2"; }));
  EXPECT_EQ(Request(client), 200);

  client.ComeFrom("127.0.0.5");
  EXPECT_EQ(Request(client), 200);
  EXPECT_TRUE(client.RunUntil([&] { return rig.counters().other_migrations == 1; }));
  EXPECT_EQ(rig.counters().dropped(Drop::kMigrationBarred), 0U);
}

}  // namespace
}  // namespace lockstep::agent::quicd
