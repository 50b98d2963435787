// The driver against a Caddy that is not there: the order of its calls, and what it does when one
// fails. tests/integration/agent_caddy has the real one.
#include "agent/drivers/caddy/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "common/base/fd.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::drivers::caddy {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Keeps the config it is given, as Caddy does, and gives up a load of a server on a UDP socket.
class FakeAdmin : public Admin {
 public:
  struct State {                                // NOLINT(bugprone-exception-escape): of json's own
    json config = {{"admin", json::object()}};  // null: it is ending
    std::vector<std::string> loads;             // "http3", "no http3", "hold 127.0.0.1:443"
    int refuse_load = -1;                       // this one, counted from 0
    int answers_while_ending = 0;               // a stopped one gives, before a new one is there
  };
  explicit FakeAdmin(State* state) : state_(*state) {}

  Status Load(std::string_view text) override {
    if (state_.config.is_null()) return Unavailable("it has ended");
    const json config = json::parse(text);
    const json& servers = config["apps"]["http"]["servers"];
    const bool hold = servers.contains("hold");
    state_.loads.push_back(hold ? "hold " + servers["hold"]["listen"][0].get<std::string>()
                           : servers.contains(kHttpsOverTcpOnly)       ? "tcp only"
                           : servers["https"]["protocols"].size() == 3 ? "http3"
                                                                       : "no http3");
    if (static_cast<int>(state_.loads.size()) == state_.refuse_load + 1) {
      return InvalidArgument("caddy refuses the config: no");
    }
    state_.config = config;
    return hold ? Unavailable("connection closed") : Status::Ok();
  }
  Result<std::string> GetConfig(std::string_view path) override {
    const json::json_pointer pointer{std::string(path)};
    if (state_.config.is_null() && state_.answers_while_ending-- == 0) {
      state_.config = {{"admin", json::object()}};
    }
    return state_.config.contains(pointer) ? state_.config[pointer].dump() : "null";
  }
  Status SetConfig(std::string_view path, std::string_view text) override {
    state_.config[json::json_pointer(std::string(path))] = json::parse(text);
    return Status::Ok();
  }
  Status Stop() override {
    state_.loads.push_back("stop");
    state_.config = nullptr;
    return Status::Ok();
  }

 private:
  State& state_;
};

class CaddyDriverTest : public ::testing::Test {
 protected:
  CaddyDriverTest() {
    desired_.node = *NodeName::Parse("fra1");
    desired_.pop = *PopName::Parse("fra");
    desired_.service_addresses = {*IpAddress::Parse("127.0.0.1")};
    SetLeaf("leaf1");
  }
  void SetLeaf(const std::string& leaf) { desired_.certificates = {MakeCertificate("www", leaf)}; }
  static reconcile::Certificate MakeCertificate(const std::string& name, const std::string& leaf) {
    return {name, 1, {*Hostname::Parse(name + ".example.test")}, leaf, "key", leaf, WallTime()};
  }
  CaddyDriver MakeDriver(bool take_over = false) {
    CaddyOptions options;
    options.render.admin_socket = directory_ / "admin.sock";
    options.take_over = take_over;
    options.copies_directory = directory_ / "copies";
    options.program = "/nonexistent/caddy";  // its version is not known: an old one
    options.open_admin.port = 9;
    options.render.https_port = https_port_;
    return CaddyDriver(
        options, std::make_unique<FakeAdmin>(&caddy_), clock_,
        [this](const probe::QuicRequest& request) { return ShakeHands(request.sni); });
  }
  probe::QuicObservation ShakeHands(const Hostname& host) {
    asked_.push_back(host.ascii());
    ++handshakes_;
    probe::QuicObservation seen;
    seen.handshake = true;
    const auto certificates = reconcile::CertificateByHost(desired_);
    seen.certificate.leaf_sha256 =
        handshakes_ <= old_answers_ ? "old" : certificates.at(host)->leaf_sha256;
    return seen;
  }
  std::vector<std::string> TakeLoads() { return std::exchange(caddy_.loads, {}); }

  fakes::TempDirectory directory_;
  fakes::FakeClock clock_;
  FakeAdmin::State caddy_;
  reconcile::Desired desired_;
  int handshakes_ = 0;
  std::vector<std::string> asked_;  // the names of the handshakes
  int old_answers_ = 0;
  uint16_t https_port_ = 443;
};

// A UDP socket on 127.0.0.1, as a Caddy would hold it.
std::pair<Fd, uint16_t> TakenUdpPort() {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  LS_CHECK(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  socklen_t size = sizeof(address);
  LS_CHECK(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return {std::move(socket), ntohs(address.sin_port)};
}

TEST_F(CaddyDriverTest, HoldsTheUdpSocketBeforeItIsFirstOpened) {
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("hold udp/127.0.0.1:443", "http3"));
  EXPECT_EQ(handshakes_, 0);
}

TEST_F(CaddyDriverTest, LoadsOnceWhereNoCertificateChanges) {
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  TakeLoads();
  const reconcile::Desired before = desired_;
  desired_.pop = *PopName::Parse("ams");
  ASSERT_EQ(driver.Apply(desired_, &before), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("http3"));
}

TEST_F(CaddyDriverTest, ClosesAndOpensHttp3WhereOneChanges) {
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  TakeLoads();
  const reconcile::Desired before = desired_;
  SetLeaf("leaf2");
  ASSERT_EQ(driver.Apply(desired_, &before), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("no http3", "http3"));
  EXPECT_EQ(handshakes_, 1);
  EXPECT_TRUE(driver.Inspect().empty());
}

// With some hundred certificates a handshake for each would take longer than the rest of an order.
TEST_F(CaddyDriverTest, OneNameThatDiffersTellsThatAllWereTaken) {
  CaddyDriver driver = MakeDriver();
  desired_.certificates.push_back(MakeCertificate("api", "leaf of api"));
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  const reconcile::Desired before = desired_;
  desired_.certificates.push_back(MakeCertificate("new", "leaf of new"));
  ASSERT_EQ(driver.Apply(desired_, &before), Status::Ok());
  EXPECT_THAT(asked_, ElementsAre("new.example.test"));
}

TEST_F(CaddyDriverTest, LooksAtEveryNameWhereTheOldOnesAreNotKnown) {
  CaddyDriver driver = MakeDriver();
  desired_.certificates.push_back(MakeCertificate("api", "leaf of api"));
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  EXPECT_THAT(asked_, ElementsAre("api.example.test", "www.example.test"));
}

TEST_F(CaddyDriverTest, TriesAgainWhileTheOldLeafIsShown) {
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  TakeLoads();
  const reconcile::Desired before = desired_;
  SetLeaf("leaf2");
  old_answers_ = 1;
  ASSERT_EQ(driver.Apply(desired_, &before), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("no http3", "http3", "no http3", "http3"));
  EXPECT_TRUE(driver.Inspect().empty());
}

TEST_F(CaddyDriverTest, SaysSoWhereHttp3CannotBeRenewed) {
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  const reconcile::Desired before = desired_;
  SetLeaf("leaf2");
  old_answers_ = 100;
  ASSERT_EQ(driver.Apply(desired_, &before), Status::Ok()) << "the wire has the last word";
  EXPECT_THAT(driver.Inspect(),
              ElementsAre("HTTP/3 at 127.0.0.1 shows an old certificate for www.example.test; "
                          "restart caddy"));
}

TEST_F(CaddyDriverTest, GoesBackWhereTheSecondLoadFails) {
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  TakeLoads();
  const json served = caddy_.config;
  const reconcile::Desired before = desired_;
  SetLeaf("leaf2");
  caddy_.refuse_load = 1;
  EXPECT_EQ(driver.Apply(desired_, &before), InvalidArgument("caddy refuses the config: no"));
  EXPECT_EQ(caddy_.config, served);
  EXPECT_EQ(driver.Ensure(), Status::Ok());
}

TEST_F(CaddyDriverTest, ARepairOpensHttp3Anew) {
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  TakeLoads();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("no http3", "http3"));
}

TEST_F(CaddyDriverTest, ARestartedAgentDisturbsNothing) {
  ASSERT_EQ(MakeDriver().Apply(desired_, nullptr), Status::Ok());
  TakeLoads();
  CaddyDriver restarted = MakeDriver();
  ASSERT_EQ(restarted.Apply(desired_, nullptr), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("http3")) << "Caddy finds it unchanged";
  EXPECT_EQ(handshakes_, 0);
}

TEST_F(CaddyDriverTest, AnAgentThatDiedWhileHoldingIsMadeGood) {
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  caddy_.config["@id"] = kHoldId;
  TakeLoads();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("hold udp/127.0.0.1:443", "no http3", "http3"));
}

TEST_F(CaddyDriverTest, HoldsANewAddressAlone) {
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  TakeLoads();
  const reconcile::Desired before = desired_;
  desired_.node_addresses = {*IpAddress::Parse("::1")};
  ASSERT_EQ(driver.Apply(desired_, &before), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("hold udp/[::1]:443", "http3"));
}

TEST_F(CaddyDriverTest, LeavesAForeignConfigAlone) {
  caddy_.config = json::parse(R"({"apps":{"http":{}}})");
  CaddyDriver driver = MakeDriver();
  EXPECT_EQ(driver.Apply(desired_, nullptr).code(), Code::kFailedPrecondition);
  EXPECT_TRUE(TakeLoads().empty());
}

TEST_F(CaddyDriverTest, DoesNotReplaceAForeignConfigThatItCannotKeep) {
  caddy_.config = json::parse(R"({"apps":{"http":{}}})");
  ASSERT_EQ(::mkdir((directory_ / "elsewhere").c_str(), 0700), 0);
  ASSERT_EQ(::symlink((directory_ / "elsewhere").c_str(), (directory_ / "copies").c_str()), 0);
  CaddyDriver driver = MakeDriver(/*take_over=*/true);
  EXPECT_EQ(driver.Apply(desired_, nullptr).code(), Code::kFailedPrecondition);
  EXPECT_TRUE(TakeLoads().empty());
}

TEST_F(CaddyDriverTest, LeavesUdpAloneWhereAnotherHasIt) {
  desired_.quic_server = reconcile::QuicServer::kQuicd;
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  SetLeaf("leaf2");
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("tcp only", "tcp only")) << "neither held nor renewed";
  EXPECT_EQ(handshakes_, 0);
}

TEST_F(CaddyDriverTest, RestartsACaddyThatHoldsTheSocketsOfAnother) {
  const auto [socket, port] = TakenUdpPort();
  https_port_ = port;
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  TakeLoads();
  const reconcile::Desired before = desired_;
  desired_.quic_server = reconcile::QuicServer::kQuicd;
  ASSERT_EQ(driver.Apply(desired_, &before), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("stop", "tcp only"));
  ASSERT_EQ(driver.Apply(desired_, &desired_), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("tcp only")) << "by now it is the other's";
}

TEST_F(CaddyDriverTest, GivesNothingToACaddyThatIsEnding) {
  const auto [socket, port] = TakenUdpPort();
  https_port_ = port;
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  TakeLoads();
  const reconcile::Desired before = desired_;
  desired_.quic_server = reconcile::QuicServer::kQuicd;
  caddy_.answers_while_ending = 5;
  ASSERT_EQ(driver.Apply(desired_, &before), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("stop", "tcp only"));
}

TEST_F(CaddyDriverTest, SparesACaddyThatHoldsNone) {
  CaddyDriver driver = MakeDriver();
  ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  TakeLoads();
  const reconcile::Desired before = desired_;
  desired_.quic_server = reconcile::QuicServer::kNone;
  ASSERT_EQ(driver.Apply(desired_, &before), Status::Ok());
  EXPECT_THAT(TakeLoads(), ElementsAre("tcp only"));
}

}  // namespace
}  // namespace lockstep::agent::drivers::caddy
