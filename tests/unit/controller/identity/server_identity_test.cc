#include "controller/identity/server_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/fsutil/files.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::identity {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

constexpr Micros kDay = std::chrono::hours(24);

class ServerIdentityTest : public ::testing::Test {
 protected:
  bool Renewed(ServerIdentity& server) {
    const Result<bool> renewed = server.EnsureFresh(clock_.Now());
    EXPECT_TRUE(renewed.ok()) << renewed.status();
    return renewed.ok() && *renewed;
  }
  std::vector<crypto::Certificate> Served() {
    return crypto::ParseChain(*fsutil::ReadFile(server_.CertificatePath(), 1 << 20)).value();
  }
  void ExpectAWholePair() {
    const crypto::PrivateKey key =
        crypto::PrivateKey::FromPem(*fsutil::ReadSecretFile(server_.KeyPath())).value();
    const std::vector<Hostname> names = {Hostname::Parse("ctl.example.test").value()};
    EXPECT_EQ(crypto::CheckChain(Served(), key, names, clock_.Now()), Status::Ok());
  }

  fakes::FakeClock clock_;
  fakes::TempDirectory dir_;
  FleetCa ca_ = FleetCa::Create(dir_ / "ca", "fleet", clock_.Now()).value();
  ServerIdentity server_{
      ca_, dir_ / "server", {"ctl.example.test"}, {*IpAddress::Parse("192.0.2.1")}};
};

TEST_F(ServerIdentityTest, MakesAPairWhereThereIsNone) {
  EXPECT_TRUE(Renewed(server_));
  EXPECT_FALSE(Renewed(server_));
  ExpectAWholePair();
  EXPECT_TRUE(Served()[0].HasServerAuth());
  EXPECT_FALSE(Served()[0].HasClientAuth());
  EXPECT_THAT(Served()[0].IpAddresses(), ElementsAre("192.0.2.1"));
}

TEST_F(ServerIdentityTest, RenewsWhenTwoThirdsOfItsLifeAreGone) {
  ASSERT_TRUE(Renewed(server_));
  const std::string first = Served()[0].SerialHex();
  const WallTime due = server_.NextRenewal().value();
  EXPECT_NEAR(static_cast<double>((due - clock_.Now()) / kDay), 60, 1);
  clock_.Advance(due - clock_.Now() - Seconds(1));
  EXPECT_FALSE(Renewed(server_));
  clock_.Advance(Seconds(1));
  EXPECT_TRUE(Renewed(server_));
  EXPECT_NE(Served()[0].SerialHex(), first);
  ExpectAWholePair();
}

TEST_F(ServerIdentityTest, KeepsOneDirectoryThatTheLinkNames) {
  ASSERT_TRUE(Renewed(server_));
  clock_.Advance(80 * kDay);
  ASSERT_TRUE(Renewed(server_));
  const auto entries = fsutil::ListDirectory(dir_ / "server").value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name, "current");
  EXPECT_EQ(fs::read_symlink(dir_ / "server/current"), entries[1].name);
}

TEST_F(ServerIdentityTest, MakesANewPairWhenTheNamesChange) {
  ASSERT_TRUE(Renewed(server_));
  ServerIdentity more(ca_, dir_ / "server", {"ctl.example.test", "ctl2.example.test"},
                      {*IpAddress::Parse("192.0.2.1")});
  EXPECT_TRUE(Renewed(more));
  EXPECT_FALSE(Renewed(more));
  ServerIdentity moved(ca_, dir_ / "server", {"ctl.example.test", "ctl2.example.test"},
                       {*IpAddress::Parse("192.0.2.2")});
  EXPECT_TRUE(Renewed(moved));
}

TEST_F(ServerIdentityTest, MakesANewPairForAnotherCa) {
  ASSERT_TRUE(Renewed(server_));
  const FleetCa other = FleetCa::Create(dir_ / "other", "fleet", clock_.Now()).value();
  ServerIdentity server(other, dir_ / "server", {"ctl.example.test"},
                        {*IpAddress::Parse("192.0.2.1")});
  EXPECT_TRUE(Renewed(server));
}

TEST_F(ServerIdentityTest, MendsADamagedPair) {
  for (const char* file : {"key.pem", "cert.pem"}) {
    Renewed(server_);
    ASSERT_TRUE(fsutil::WriteAtomic(dir_ / "server/current/" + file, "torn").ok());
    EXPECT_TRUE(Renewed(server_));
    ExpectAWholePair();
  }
  const std::string stranger(crypto::PrivateKey::GenerateP256().ToPem().Reveal());
  ASSERT_TRUE(fsutil::WriteAtomic(server_.KeyPath(), stranger).ok());
  EXPECT_TRUE(Renewed(server_));
  ExpectAWholePair();
}

}  // namespace
}  // namespace lockstep::controller::identity
