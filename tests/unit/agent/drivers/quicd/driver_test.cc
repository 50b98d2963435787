// The driver against a lockstep-quicd that answers as it is told; tests/e2e/86_quic_server.py has
// the real one.
#include "agent/drivers/quicd/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/digest.h"

namespace lockstep::agent::drivers::quicd {
namespace {

namespace v1 = ::lockstep::quicd::v1;
using reconcile::QuicServer;
using reconcile::SharedSecret;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct FakeServer {
  bool there = true;
  bool lies = false;  // says that it serves something else
  std::string config;
  Status refuse;
  int released = 0;
  bool hangs = false;
  Status may_end;  // whether we may
  int ended = 0;
};

class FakeControl : public Control {
 public:
  explicit FakeControl(FakeServer* server) : server_(*server) {}
  Result<v1::GetStatusResponse> GetStatus() override {
    if (!server_.there) return Unavailable("cannot be reached");
    if (server_.hangs) return DeadlineExceeded("did not answer");
    v1::GetStatusResponse out;
    out.set_program_version("1.2");
    v1::Config config;
    config.ParseFromString(server_.config);
    out.set_config_version(config.version());
    if (!server_.config.empty()) out.set_config_digest(crypto::Sha256(server_.config));
    return out;
  }
  Result<std::string> Configure(std::string_view config) override {
    if (!server_.there) return Unavailable("cannot be reached");
    if (server_.hangs) return DeadlineExceeded("did not answer");
    if (!server_.refuse.ok()) return server_.refuse;
    server_.config = std::string(config);
    return crypto::Sha256(server_.lies ? "something else" : config);
  }
  Status Release() override {
    server_.config.clear();
    ++server_.released;
    return Status::Ok();
  }
  Status End() override {
    if (!server_.may_end.ok()) return server_.may_end;
    ++server_.ended;
    server_.there = false;
    return Status::Ok();
  }

 private:
  FakeServer& server_;
};

IpAddress Ip(const std::string& text) { return *IpAddress::Parse(text); }
Hostname Host(const std::string& text) { return *Hostname::Parse(text); }

reconcile::Desired Sample() {
  reconcile::Desired out;
  out.node = *NodeName::Parse("fra1");
  out.node_addresses = {Ip("198.51.100.7"), Ip("2001:db8:d::7")};
  out.service_addresses = {Ip("203.0.113.10"), Ip("2001:db8:a::10")};
  out.quic_server = QuicServer::kQuicd;
  out.quic_identity = reconcile::QuicIdentity{
      "12345678", reconcile::PreferredAddress{Ip("198.51.100.7"), Ip("10.0.0.7")}, {}};
  out.quic_keys = reconcile::QuicKeys{{{0, SharedSecret(std::string(16, 'c'))}},
                                      {SharedSecret(std::string(32, 't'))},
                                      SharedSecret(std::string(64, 'a')),
                                      {},
                                      SharedSecret(std::string(64, 'b'))};
  out.peers = {{*NodeName::Parse("ams1"), *PopName::Parse("ams"), {Ip("198.51.100.9")}}};
  reconcile::Site site{"www", {Host("a.example"), Host("b.example")}, {}, reconcile::Preset{}};
  site.quic = reconcile::QuicPolicy{true, true, Millis(1500)};
  site.alt_svc = "h3=\":443\"; ma=300";
  out.sites = {site};
  out.certificates = {
      {"one", 1, {Host("a.example"), Host("b.example")}, "chain1", "key1", "l", WallTime()},
      {"two", 1, {Host("stray.example")}, "chain2", "key2", "m", WallTime()}};
  return out;
}

RenderSettings Settings() {
  return {{Ip("127.0.0.1"), 7445},
          "listener",
          crypto::Secret(std::string(32, 'r')),
          443,
          {Ip("192.0.2.1"), Ip("192.0.2.1"), Ip("2001:db8:c::1")}};
}

v1::Config Rendered(const reconcile::Desired& desired) {
  v1::Config out;
  EXPECT_TRUE(out.ParseFromString(std::string(RenderConfig(desired, Settings()).Reveal())));
  return out;
}

TEST(QuicdRenderTest, SaysEverythingOfTheNode) {
  const v1::Config config = Rendered(Sample());
  EXPECT_THAT(config.service_addresses(), ElementsAre("203.0.113.10", "2001:db8:a::10"));
  EXPECT_EQ(config.port(), 443u);
  EXPECT_EQ(config.preferred_v4().advertised(), "198.51.100.7:443");
  EXPECT_EQ(config.preferred_v4().bound(), "10.0.0.7:443");
  EXPECT_FALSE(config.has_preferred_v6());
  EXPECT_EQ(config.server_id(), "12345678");
  EXPECT_EQ(config.reset_key(), std::string(32, 'r'));
  EXPECT_THAT(config.token_keys(), ElementsAre(std::string(32, 't')));
  EXPECT_EQ(config.ticket_keys().next(), std::string(64, 'b'));
  EXPECT_EQ(config.upstream().address(), "127.0.0.1:7445");
  EXPECT_EQ(config.upstream().secret(), "listener");
}

TEST(QuicdRenderTest, ToRefuseQuicItHasNoServiceAddressAndKeepsItsOwn) {
  reconcile::Desired refusing = Sample();
  refusing.refuse_quic = true;
  const v1::Config config = Rendered(refusing);
  EXPECT_THAT(config.service_addresses(), IsEmpty());
  EXPECT_EQ(config.preferred_v4().advertised(), "198.51.100.7:443");
}

TEST(QuicdRenderTest, PeersTheControllerAndTheNodeItselfAreWitnesses) {
  EXPECT_THAT(Rendered(Sample()).witness_addresses(),
              ElementsAre("10.0.0.7", "192.0.2.1", "198.51.100.7", "198.51.100.9", "2001:db8:c::1",
                          "2001:db8:d::7"));
}

TEST(QuicdRenderTest, AddressesForWitnessesAloneAreHandedOnAndMayLook) {
  reconcile::Desired desired = Sample();
  desired.quic_identity->preferred_v4.reset();
  desired.quic_identity->witnessed = {{Ip("198.51.100.7"), Ip("10.0.0.7")},
                                      {Ip("2001:db8:d::7"), Ip("2001:db8:d::7")}};
  desired.controller_addresses = {Ip("192.0.2.77"), Ip("2001:db8:c::77")};
  const v1::Config config = Rendered(desired);
  EXPECT_FALSE(config.has_preferred_v4());
  ASSERT_EQ(config.witnessed_size(), 2);
  EXPECT_EQ(config.witnessed(0).advertised(), "198.51.100.7:443");
  EXPECT_EQ(config.witnessed(0).bound(), "10.0.0.7:443");
  EXPECT_EQ(config.witnessed(1).advertised(), "[2001:db8:d::7]:443");
  EXPECT_THAT(config.witness_addresses(), ::testing::IsSupersetOf({"10.0.0.7", "198.51.100.7"}));
  EXPECT_THAT(config.witness_addresses(),
              ::testing::IsSupersetOf({"192.0.2.77", "2001:db8:c::77"}));
}

TEST(QuicdRenderTest, TheOnlyNodeOfAFleetMayLookAtItself) {
  reconcile::Desired alone = Sample();
  alone.peers.clear();
  alone.quic_identity->preferred_v4.reset();
  EXPECT_THAT(Rendered(alone).witness_addresses(),
              ElementsAre("192.0.2.1", "198.51.100.7", "2001:db8:c::1", "2001:db8:d::7"));
}

TEST(QuicdRenderTest, NamesOfOneCertificateAndSiteStandTogether) {
  const v1::Config config = Rendered(Sample());
  ASSERT_EQ(config.sites_size(), 2);
  EXPECT_THAT(config.sites(0).hosts(), ElementsAre("a.example", "b.example"));
  EXPECT_EQ(config.sites(0).private_key(), "key1");
  EXPECT_EQ(config.sites(0).alt_svc(), "h3=\":443\"; ma=300");
  EXPECT_TRUE(config.sites(0).policy().disable_active_migration());
  EXPECT_TRUE(config.sites(0).policy().use_preferred_address());
  EXPECT_EQ(config.sites(0).policy().idle_timeout().nanos(), 500'000'000);
  EXPECT_THAT(config.sites(1).hosts(), ElementsAre("stray.example"));
  EXPECT_FALSE(config.sites(1).has_policy()) << "a name of no site has the server's defaults";
}

TEST(QuicdRenderTest, TheVersionTellsContentsApart) {
  reconcile::Desired other = Sample();
  EXPECT_EQ(Rendered(Sample()).version(), Rendered(other).version());
  other.sites[0].alt_svc.clear();
  EXPECT_NE(Rendered(Sample()).version(), Rendered(other).version());
}

class QuicdDriverTest : public ::testing::Test {
 protected:
  QuicdDriver MakeDriver() {
    return QuicdDriver({{}, Settings()}, std::make_unique<FakeControl>(&server_));
  }
  static reconcile::Desired OfCaddy() {
    reconcile::Desired out = Sample();
    out.quic_server = QuicServer::kCaddy;
    return out;
  }
  FakeServer server_;
};

TEST_F(QuicdDriverTest, ConfiguresAndNoticesALoss) {
  QuicdDriver driver = MakeDriver();
  EXPECT_EQ(driver.Ensure(), Status::Ok());
  ASSERT_EQ(driver.Apply(Sample(), nullptr), Status::Ok());
  EXPECT_EQ(driver.Ensure(), Status::Ok());
  EXPECT_THAT(driver.Capabilities(), ElementsAre("lockstep-quicd/1.2"));
  server_.config.clear();
  EXPECT_EQ(driver.Ensure(), NotFound("lockstep-quicd lost its configuration"));
  EXPECT_THAT(driver.Inspect(), ElementsAre("lockstep-quicd lost its configuration"));
  ASSERT_EQ(driver.Apply(Sample(), nullptr), Status::Ok());
  reconcile::Desired other = Sample();
  other.sites.clear();
  server_.config = std::string(RenderConfig(other, Settings()).Reveal());
  EXPECT_EQ(driver.Ensure().code(), Code::kAborted);
}

TEST_F(QuicdDriverTest, LetsGoWhereAnotherServes) {
  QuicdDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(Sample(), nullptr), Status::Ok());
  ASSERT_EQ(driver.Apply(OfCaddy(), nullptr), Status::Ok());
  EXPECT_EQ(server_.released, 1);
  ASSERT_EQ(driver.Apply(OfCaddy(), nullptr), Status::Ok());
  EXPECT_EQ(server_.released, 1) << "there is nothing to let go of any more";
  EXPECT_EQ(driver.Ensure(), Status::Ok());
}

TEST_F(QuicdDriverTest, IsNotMissedWhereAnotherServes) {
  server_.there = false;
  QuicdDriver driver = MakeDriver();
  EXPECT_EQ(driver.Check(OfCaddy()), Status::Ok());
  EXPECT_EQ(driver.Apply(OfCaddy(), nullptr), Status::Ok());
  EXPECT_THAT(driver.Inspect(), IsEmpty());
  EXPECT_EQ(driver.Check(Sample()), Unavailable("cannot be reached"));
}

TEST_F(QuicdDriverTest, AnAnswerAboutAnotherConfigurationIsAnError) {
  QuicdDriver driver = MakeDriver();
  server_.lies = true;
  EXPECT_EQ(driver.Apply(Sample(), nullptr).code(), Code::kInternal);
}

TEST_F(QuicdDriverTest, HandsOnTheWordsOfARefusal) {
  server_.refuse = InvalidArgument("lockstep-quicd refuses: address in use");
  QuicdDriver driver = MakeDriver();
  EXPECT_EQ(driver.Apply(Sample(), nullptr), server_.refuse);
  EXPECT_EQ(driver.Ensure(), Status::Ok()) << "nothing was applied";
}

reconcile::Desired Refusing() {
  reconcile::Desired out = Sample();
  out.refuse_quic = true;
  return out;
}

TEST_F(QuicdDriverTest, ToRefuseQuicItTakesTheListenersAway) {
  QuicdDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(Sample(), nullptr), Status::Ok());
  ASSERT_EQ(driver.Apply(Refusing(), nullptr), Status::Ok());
  EXPECT_EQ(server_.config, RenderConfig(Refusing(), Settings()).Reveal());
  EXPECT_EQ(server_.ended, 0);
  EXPECT_THAT(driver.WhyNotRefused(), IsEmpty());
}

TEST_F(QuicdDriverTest, OneThatHangsIsEndedSoThatItsSocketsClose) {
  QuicdDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(Sample(), nullptr), Status::Ok());
  server_.hangs = true;
  EXPECT_EQ(driver.Check(Refusing()), Status::Ok());
  ASSERT_EQ(driver.Apply(Refusing(), nullptr), Status::Ok());
  EXPECT_EQ(server_.ended, 1);
  EXPECT_THAT(driver.WhyNotRefused(), IsEmpty());
  // What takes its place is not to listen either.
  server_ = FakeServer();
  EXPECT_EQ(driver.Ensure().code(), Code::kNotFound);
  ASSERT_EQ(driver.Apply(Refusing(), nullptr), Status::Ok());
  EXPECT_EQ(driver.Ensure(), Status::Ok());
}

TEST_F(QuicdDriverTest, OneThatHangsWhileItIsToServeIsLeftAlone) {
  QuicdDriver driver = MakeDriver();
  server_.hangs = true;
  EXPECT_EQ(driver.Apply(Sample(), nullptr).code(), Code::kDeadlineExceeded);
  EXPECT_EQ(server_.ended, 0);
}

TEST_F(QuicdDriverTest, SaysThatOneThatHangsIsNotItsToEnd) {
  QuicdDriver driver = MakeDriver();
  server_.hangs = true;
  server_.may_end = PermissionDenied("operation not permitted");
  ASSERT_EQ(driver.Apply(Refusing(), nullptr), Status::Ok()) << "it holds up no rollout";
  EXPECT_THAT(driver.WhyNotRefused(),
              ElementsAre("did not answer, and it could not be ended (operation not permitted): "
                          "restart its unit"));
}

TEST_F(QuicdDriverTest, OneThatDoesNotTakeItLetsGoOfEverything) {
  QuicdDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(Sample(), nullptr), Status::Ok());
  server_.refuse = InvalidArgument("no");
  ASSERT_EQ(driver.Apply(Refusing(), nullptr), Status::Ok());
  EXPECT_EQ(server_.released, 1);
  EXPECT_EQ(server_.ended, 0);
}

}  // namespace
}  // namespace lockstep::agent::drivers::quicd
