// Handshakes: which certificate and which transport parameters a name gets, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/agent_quicd/rig.h"

namespace lockstep::agent::quicd {
namespace {

using ::testing::HasSubstr;

constexpr const char* kOther = "other.example.test";

TEST(HandshakeTest, CompletesOnBothFamiliesWithTheCertificateOfTheName) {
  const uint16_t port = FreePort();
  const Pair pair = Pair::Make({kName});
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, pair)).ok());
  for (const char* address : {"127.0.0.1", "::1"}) {
    const auto seen = Look(address, port, kName);
    EXPECT_TRUE(seen.handshake) << seen.error;
    EXPECT_EQ(seen.certificate.leaf_sha256, pair.fingerprint);
    EXPECT_EQ(seen.alpn, "h3");
    ASSERT_TRUE(seen.transport_parameters);
    EXPECT_EQ(seen.transport_parameters->scid_length, cid::kLength);
    EXPECT_TRUE(seen.transport_parameters->stateless_reset_token);
    EXPECT_FALSE(seen.transport_parameters->preferred_address);
  }
  EXPECT_EQ(rig.counters().handshakes, 2U);
}

TEST(HandshakeTest, EachNameGetsItsOwnCertificateAndPolicy) {
  const uint16_t port = FreePort();
  const Pair first = Pair::Make({kName});
  const Pair second = Pair::Make({kOther});
  server::Settings settings = MakeSettings("node-aaa", port, first);
  settings.preferred_v4 = {Endpoint::Parse("203.0.113.7:4433").value(),
                           Endpoint{IpAddress::Parse("127.0.0.2").value(), port}};
  settings.preferred_v6 = {Endpoint::Parse("[2001:db8::7]:4434").value(),
                           Endpoint{IpAddress::Parse("::1").value(), FreePort()}};
  settings.service_addresses.pop_back();
  settings.sites[0].policy.idle_timeout = Seconds(7);
  settings.sites.push_back(MakeSite({kOther}, second));
  settings.sites[1].policy = {.disable_active_migration = false,
                              .use_preferred_address = false,
                              .idle_timeout = Seconds(11)};
  Rig rig;
  const Status configured = rig.Configure(std::move(settings));
  ASSERT_TRUE(configured.ok()) << configured;

  const auto moves = Look("127.0.0.1", port, kName);
  ASSERT_TRUE(moves.handshake) << moves.error;
  EXPECT_EQ(moves.certificate.leaf_sha256, first.fingerprint);
  EXPECT_TRUE(moves.transport_parameters->disable_active_migration);
  EXPECT_EQ(moves.transport_parameters->max_idle_timeout, Seconds(7));
  ASSERT_TRUE(moves.transport_parameters->preferred_address);
  // What is advertised, not what is bound: the two differ behind 1:1 NAT.
  EXPECT_EQ(moves.transport_parameters->preferred_address->ipv4->ToString(), "203.0.113.7:4433");
  EXPECT_EQ(moves.transport_parameters->preferred_address->ipv6->ToString(), "[2001:db8::7]:4434");
  EXPECT_EQ(moves.transport_parameters->preferred_address->connection_id.size(), 2 * cid::kLength);

  const auto stays = Look("127.0.0.1", port, kOther);
  ASSERT_TRUE(stays.handshake) << stays.error;
  EXPECT_EQ(stays.certificate.leaf_sha256, second.fingerprint);
  EXPECT_FALSE(stays.transport_parameters->disable_active_migration);
  EXPECT_EQ(stays.transport_parameters->max_idle_timeout, Seconds(11));
  EXPECT_FALSE(stays.transport_parameters->preferred_address);
}

// The barrier wants a witness's look also where clients are not told of the node's own address, and
// strangers must find no door past the anycast edge there.
TEST(HandshakeTest, AnAddressForWitnessesAnswersThemAloneAndIsNotOffered) {
  const uint16_t port = FreePort();
  const Pair pair = Pair::Make({kName});
  const Endpoint own{IpAddress::Parse("127.0.0.2").value(), port};
  const auto settings_with = [&](const char* witness) {
    server::Settings settings = MakeSettings("node-aaa", port, pair);
    settings.sites[0].policy.use_preferred_address = false;
    settings.witnessed = {{own, own}};
    settings.witnesses = {IpAddress::Parse(witness).value()};
    return settings;
  };
  Rig rig;
  ASSERT_TRUE(rig.Configure(settings_with("127.0.0.9")).ok());
  probe::QuicRequest request;
  request.route.target = own;
  request.route.deadline = Millis(500);
  request.sni = Hostname::Parse(kName).value();
  EXPECT_FALSE(probe::QuicHandshake(request, {}).handshake) << "a stranger";
  EXPECT_GT(rig.counters().dropped(server::Drop::kNotAWitness), 0U);
  request.route.source = IpAddress::Parse("127.0.0.9").value();
  request.route.deadline = Seconds(5);
  const auto seen = probe::QuicHandshake(request, {});
  ASSERT_TRUE(seen.handshake) << seen.error;
  EXPECT_EQ(seen.certificate.leaf_sha256, pair.fingerprint);
  EXPECT_FALSE(seen.transport_parameters->preferred_address);
  EXPECT_FALSE(Look("127.0.0.1", port, kName).transport_parameters->preferred_address);

  // Offered from now on, on the same socket.
  server::Settings offered = settings_with("127.0.0.9");
  offered.witnessed.clear();
  offered.preferred_v4 = {own, own};
  offered.sites[0].policy.use_preferred_address = true;
  const Status configured = rig.Configure(std::move(offered));
  ASSERT_TRUE(configured.ok()) << configured;
  EXPECT_TRUE(Look("127.0.0.1", port, kName).transport_parameters->preferred_address);
}

TEST(HandshakeTest, ANameThatNobodyServesGetsAnAlert) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, Pair::Make({kName}))).ok());
  for (const char* name : {"nobody.example.test", ""}) {
    const auto seen = Look("127.0.0.1", port, name);
    EXPECT_FALSE(seen.handshake);
    EXPECT_THAT(seen.error, HasSubstr("TLS alert 112")) << name;
    EXPECT_LT(seen.elapsed, Seconds(1));
  }
  EXPECT_EQ(rig.counters().handshakes_failed, 2U);
}

TEST(HandshakeTest, ANewCertificateIsServedAtOnceAndARefusedConfigurationChangesNothing) {
  const uint16_t port = FreePort();
  const Pair before = Pair::Make({kName});
  const Pair after = Pair::Make({kName});
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, before)).ok());
  EXPECT_EQ(Look("127.0.0.1", port, kName).certificate.leaf_sha256, before.fingerprint);

  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, after)).ok());
  EXPECT_EQ(Look("127.0.0.1", port, kName).certificate.leaf_sha256, after.fingerprint);

  Pair mixed = before;
  mixed.key_pem = after.key_pem;
  server::Settings bad = MakeSettings("node-aaa", port, mixed);
  bad.token_keys.clear();
  const Status refused = rig.Configure(std::move(bad));
  EXPECT_THAT(refused.message(), HasSubstr("site www.example.test"));
  EXPECT_THAT(refused.message(), HasSubstr("address-token key"));
  EXPECT_EQ(Look("127.0.0.1", port, kName).certificate.leaf_sha256, after.fingerprint);
}

TEST(HandshakeTest, AnAddressThatIsTakenIsRefusedAndTheRestServedOn) {
  const uint16_t port = FreePort();
  const Pair pair = Pair::Make({kName});
  Rig rig;
  Rig neighbour;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, pair)).ok());
  server::Settings same = MakeSettings("node-bbb", port, pair);
  EXPECT_THAT(neighbour.Configure(std::move(same)).message(), HasSubstr("binding UDP 127.0.0.1"));
  EXPECT_TRUE(neighbour.state().listening.empty());
  EXPECT_TRUE(Look("127.0.0.1", port, kName).handshake);
}

TEST(HandshakeTest, ATicketResumesOnAnotherNodeAndAcrossAKeyRotation) {
  const uint16_t port = FreePort();
  const Pair pair = Pair::Make({kName});
  const fakes::TempDirectory folder;
  const std::vector<std::string> session = {"--session-file=" + (folder / "session"),
                                            "--tp-file=" + (folder / "tp"), "--wait-for-ticket"};
  const auto ask = [&](Rig& rig, bool rotated) {
    server::Settings settings = MakeSettings(rotated ? "node-bbb" : "node-aaa", port, pair);
    if (rotated) {
      settings.ticket_keys.also_accepted.push_back(std::move(settings.ticket_keys.current));
      settings.ticket_keys.current = crypto::Secret(std::string(server::kTicketKeyBytes, 'n'));
    }
    ASSERT_TRUE(rig.Configure(std::move(settings)).ok());
    const Asked asked = Ask("127.0.0.1", port, "/bytes/100", session);
    EXPECT_EQ(asked.body.size(), 100U) << asked.output;
  };
  {
    Rig first;
    ask(first, false);
    EXPECT_EQ(first.counters().resumptions, 0U);
  }
  {
    Rig second;
    ask(second, true);
    EXPECT_EQ(second.counters().resumptions, 1U);
  }
}

}  // namespace
}  // namespace lockstep::agent::quicd
