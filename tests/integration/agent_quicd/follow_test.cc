// The prober after the handshake: it goes where the server would have clients go, or says why not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/loopback/servers.h"
#include "tests/integration/agent_quicd/rig.h"

namespace lockstep::agent::quicd {
namespace {

using ::testing::HasSubstr;

constexpr const char* kService = "127.0.0.4";

Endpoint At(const std::string& address, uint16_t port) {
  return {IpAddress::Parse(address).value(), port};
}

class FollowTest : public ::testing::Test {
 protected:
  // Offers `advertised` to clients and is reached at 127.0.0.2.
  void Serve(const Endpoint& advertised) {
    server::Settings settings = MakeSettings("node-aaa", port_, pair_);
    settings.service_addresses[0] = At(kService, 0).address;
    settings.preferred_v4 = {advertised, At("127.0.0.2", port_)};
    settings.witnesses = {IpAddress::Parse("127.0.0.9").value()};
    const Status configured = rig_.Configure(std::move(settings));
    ASSERT_TRUE(configured.ok()) << configured;
  }

  probe::QuicObservation Follow(const std::string& address = kService) {
    probe::QuicRequest request;
    request.route.target = At(address, port_);
    request.route.deadline = Seconds(3);
    request.sni = Hostname::Parse(kName).value();
    request.follow_preferred_address = follows_;
    request.route.source = source_;
    return probe::QuicHandshake(request);
  }

  // What a handshake shows is the same, whatever becomes of the move.
  void ExpectHandshake(const probe::QuicObservation& seen) {
    EXPECT_TRUE(seen.handshake);
    EXPECT_EQ(seen.error, "");
    EXPECT_EQ(seen.certificate.leaf_sha256, pair_.fingerprint);
    ASSERT_TRUE(seen.transport_parameters);
    EXPECT_TRUE(seen.transport_parameters->preferred_address);
  }

  // Where somebody else has the advertised address, and answers each datagram so.
  void ExpectNoMoveTo(const std::string& answer) {
    const fakes::UdpServer other(answer);
    Serve(other.endpoint());
    const MonoTime begin = Clock::System().Mono();
    const auto seen = Follow();
    EXPECT_LT(Clock::System().Mono() - begin, Seconds(2)) << "half of the deadline is the move's";
    ExpectHandshake(seen);
    EXPECT_FALSE(seen.moved_to);
    EXPECT_THAT(seen.move_error, HasSubstr("move to " + other.endpoint().ToString() + ": "));
    EXPECT_EQ(Moves(), 0U);
  }

  uint64_t Moves() { return rig_.counters().preferred_address_migrations; }

  const uint16_t port_ = FreePort();
  const Pair pair_ = Pair::Make({kName});
  bool follows_ = true;
  std::optional<IpAddress> source_;
  Rig rig_;
};

TEST_F(FollowTest, TheConnectionGoesOnAtThePreferredAddress) {
  Serve(At("127.0.0.2", port_));
  const auto seen = Follow();
  ExpectHandshake(seen);
  EXPECT_EQ(seen.moved_to, At("127.0.0.2", port_));
  EXPECT_EQ(seen.move_error, "");
}

TEST_F(FollowTest, WhoDoesNotAskStays) {
  Serve(At("127.0.0.2", port_));
  follows_ = false;
  const auto seen = Follow();
  ExpectHandshake(seen);
  EXPECT_FALSE(seen.moved_to);
  EXPECT_EQ(seen.move_error, "");
  EXPECT_EQ(Moves(), 0U);
}

TEST_F(FollowTest, OnlyAnAddressOfTheFamilyInUseIsFollowed) {
  Serve(At("127.0.0.2", port_));
  const auto seen = Follow("::1");
  ExpectHandshake(seen);
  EXPECT_FALSE(seen.moved_to);
  EXPECT_EQ(seen.move_error, "");
}

TEST_F(FollowTest, AtThePreferredAddressThereIsNowhereToGo) {
  Serve(At("127.0.0.2", port_));
  source_ = IpAddress::Parse("127.0.0.9").value();
  const auto seen = Follow("127.0.0.2");
  ExpectHandshake(seen);
  EXPECT_FALSE(seen.moved_to);
  EXPECT_EQ(seen.move_error, "");
}

TEST_F(FollowTest, WithoutAPreferredAddressThereIsNoMove) {
  ASSERT_TRUE(rig_.Configure(MakeSettings("node-aaa", port_, pair_)).ok());
  const auto seen = Follow("127.0.0.1");
  EXPECT_TRUE(seen.handshake) << seen.error;
  EXPECT_FALSE(seen.moved_to);
  EXPECT_EQ(seen.move_error, "");
}

TEST_F(FollowTest, SilenceAtThePreferredAddressIsToldInTime) { ExpectNoMoveTo(""); }

TEST_F(FollowTest, ADatagramOfAnotherSpeakerIsNoArrival) {
  ExpectNoMoveTo("not of this connection");
}

TEST_F(FollowTest, AClosedPortAtThePreferredAddressIsNamed) {
  Serve(At("127.0.0.3", port_));
  const auto seen = Follow();
  ExpectHandshake(seen);
  EXPECT_FALSE(seen.moved_to);
  EXPECT_THAT(seen.move_error, HasSubstr("Connection refused"));
}

}  // namespace
}  // namespace lockstep::agent::quicd
