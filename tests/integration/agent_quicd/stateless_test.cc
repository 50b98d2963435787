// What a server says without a connection: Retry, Version Negotiation, resets, refusals; and when
// it says nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/base/encoding.h"
#include "common/net/socket.h"
#include "tests/integration/agent_quicd/rig.h"

namespace lockstep::agent::quicd {
namespace {

using server::Drop;
using ::testing::HasSubstr;

// One datagram from a socket of its own; what comes back within `wait`, or nothing.
std::optional<std::string> Exchange(uint16_t port, const std::string& datagram, Millis wait) {
  const Result<Fd> socket =
      net::ConnectUdp({IpAddress::Parse("127.0.0.1").value(), port}, std::nullopt);
  LS_CHECK(socket.ok());
  LS_CHECK(::send(socket->get(), datagram.data(), datagram.size(), 0) ==
           static_cast<ssize_t>(datagram.size()));
  const std::stop_token never;
  const net::Limit limit(wait, never);
  std::string buffer(2048, '\0');
  const Result<size_t> got = net::Receive(*socket, buffer.data(), buffer.size(), limit);
  if (!got.ok()) return std::nullopt;
  buffer.resize(*got);
  return buffer;
}

std::string ShortPacket(const cid::ConnectionId& id, size_t size) {
  std::string packet = RandomBytes(size);
  packet[0] = static_cast<char>(0x40 | (packet[0] & 0x3f));
  std::copy(id.begin(), id.end(), packet.begin() + 1);
  return packet;
}

std::shared_ptr<const cid::Codec> CodecOf(const server::Settings& settings) {
  return cid::Codec::Create(settings.server_id, settings.cid_keys).value();
}

TEST(StatelessTest, AnotherNodesPacketsAreCountedAndUnanswered) {
  const uint16_t port = FreePort();
  const Pair pair = Pair::Make({kName});
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, pair)).ok());
  const auto other = CodecOf(MakeSettings("node-bbb", port, pair));
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(Exchange(port, ShortPacket(other->Make(), 100), Millis(0)));
  }
  EXPECT_FALSE(Exchange(port, ShortPacket(other->Make(), 100), Millis(200)));
  const server::Counters counters = rig.counters();
  EXPECT_EQ(counters.dropped(Drop::kForeignCid), 101U);
  EXPECT_EQ(counters.stateless_resets_sent, 0U);
  EXPECT_EQ(counters.datagrams_sent, 0U);
}

TEST(StatelessTest, AnIdOfOursFromBeforeARestartGetsAValidReset) {
  const uint16_t port = FreePort();
  const server::Settings settings = MakeSettings("node-aaa", port, Pair::Make({kName}));
  const cid::ConnectionId id = CodecOf(settings)->Make();
  ngtcp2_cid native;
  ngtcp2_cid_init(&native, id.data(), id.size());
  const cid::ResetToken token = cid::ResetTokenFor(settings.reset_key, native);
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, Pair::Make({kName}))).ok());
  const auto reset = Exchange(port, ShortPacket(id, 100), Seconds(5));
  ASSERT_TRUE(reset);
  EXPECT_LT(reset->size(), 100U);
  EXPECT_EQ(reset->substr(reset->size() - token.size()), std::string(token.begin(), token.end()));
  // RFC 9000 §10.3.3: always shorter than what it answers, and none to what is too short.
  EXPECT_EQ(Exchange(port, ShortPacket(id, 30), Seconds(5))->size(), 29U);
  EXPECT_FALSE(Exchange(port, ShortPacket(id, 21), Millis(200)));
}

TEST(StatelessTest, ResetsAreLimited) {
  const uint16_t port = FreePort();
  server::Settings settings = MakeSettings("node-aaa", port, Pair::Make({kName}));
  settings.limits.resets_per_second = 5;
  const cid::ConnectionId id = CodecOf(settings)->Make();
  Rig rig;
  ASSERT_TRUE(rig.Configure(std::move(settings)).ok());
  for (int i = 0; i < 100; ++i) Exchange(port, ShortPacket(id, 100), Millis(0));
  ASSERT_TRUE(rig.Eventually([](const auto& c) { return c.datagrams_received == 100; }));
  EXPECT_GE(rig.counters().stateless_resets_sent, 5U);
  EXPECT_LE(rig.counters().stateless_resets_sent, 15U);
  EXPECT_GE(rig.counters().dropped(Drop::kResetRateLimited), 85U);
}

TEST(StatelessTest, StrangersGetSilence) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, Pair::Make({kName}))).ok());
  cid::ConnectionId random{};
  random[0] = 0xe0;  // no config id of ours
  EXPECT_FALSE(Exchange(port, ShortPacket(random, 100), Millis(100)));
  EXPECT_FALSE(Exchange(port, "", Millis(50)));
  EXPECT_FALSE(Exchange(port, std::string(1, '\0'), Millis(50)));
  for (int i = 0; i < 500; ++i)
    Exchange(port, RandomBytes(1 + static_cast<size_t>(i) * 2), Millis(0));
  EXPECT_TRUE(Look("127.0.0.1", port, kName).handshake);
}

TEST(StatelessTest, AnUnknownVersionIsToldWhichThereAre) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, Pair::Make({kName}))).ok());
  std::string packet(1200, '\0');
  packet.replace(0, 24,
                 std::string("\xc0\x1a\x2a\x3a\x4a\x08"
                             "destinat"
                             "\x08"
                             "sourceid"
                             "\0",
                             24));
  const auto answer = Exchange(port, packet, Seconds(5));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->substr(1, 22), std::string("\0\0\0\0\x08sourceid\x08"
                                               "destinat",
                                               22));
  EXPECT_EQ(answer->substr(answer->size() - 4), std::string("\0\0\0\x01", 4));
  EXPECT_FALSE(Exchange(port, packet.substr(0, 1199), Millis(100)));
}

TEST(StatelessTest, UnderLoadClientsProveTheirAddressFirst) {
  const uint16_t port = FreePort();
  server::Settings settings = MakeSettings("node-aaa", port, Pair::Make({kName}));
  settings.limits.retry_above_half_open = 0;
  Rig rig;
  ASSERT_TRUE(rig.Configure(std::move(settings)).ok());
  EXPECT_TRUE(Look("127.0.0.1", port, kName).handshake);
  EXPECT_EQ(rig.counters().retries_sent, 1U);
  const Asked asked = Ask("127.0.0.1", port, "/bytes/100000");
  EXPECT_EQ(asked.body.size(), 100000U) << asked.output;
  EXPECT_EQ(rig.counters().retries_sent, 2U);
}

TEST(StatelessTest, BeyondItsLimitConnectionsAreRefused) {
  const uint16_t port = FreePort();
  server::Settings settings = MakeSettings("node-aaa", port, Pair::Make({kName}));
  settings.limits.max_connections = 1;
  Rig rig;
  ASSERT_TRUE(rig.Configure(std::move(settings)).ok());
  EXPECT_TRUE(Look("127.0.0.1", port, kName).handshake);  // it lingers for three round trips
  const auto refused = Look("127.0.0.1", port, kName);
  EXPECT_FALSE(refused.handshake);
  EXPECT_EQ(rig.counters().dropped(Drop::kConnectionLimit), 1U);
}

}  // namespace
}  // namespace lockstep::agent::quicd
