#include "controller/drivers/certbot/lineage.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "common/crypto/issue.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::drivers::certbot {
namespace {

namespace fs = std::filesystem;

const WallTime kNow = FromUnixMicros(1'795'291'200'000'000);

void Write(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

class LineageTest : public testing::Test {
 protected:
  // What certbot leaves after an issue.
  void WriteLineage(const std::vector<std::string>& names) {
    const crypto::PrivateKey ca_key = crypto::PrivateKey::GenerateP256();
    const auto ca =
        crypto::SelfSignedCa(ca_key, "Test CA", std::chrono::hours(100), kNow - Seconds(60));
    const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
    crypto::LeafProfile profile;
    profile.common_name = "leaf";
    profile.dns_names = names;
    profile.server_auth = true;
    profile.not_before = kNow - Seconds(60);
    profile.lifetime = std::chrono::hours(90);
    leaf_ = crypto::IssueCertificate(*ca, ca_key, key.Public(), profile).value();
    const std::string archive = directory_.config() + "/archive/a.example";
    const std::string live = directory_.config() + "/live/a.example";
    Write(archive + "/cert1.pem", leaf_->Pem());
    Write(archive + "/chain1.pem", ca->Pem());
    Write(archive + "/fullchain1.pem", leaf_->Pem() + ca->Pem());
    Write(archive + "/privkey1.pem", std::string(key.ToPem().Reveal()));
    fs::create_directories(live);
    for (const std::string file : {"cert", "chain", "fullchain", "privkey"}) {
      fs::create_symlink("../../archive/a.example/" + file + "1.pem", live + "/" + file + ".pem");
    }
    Write(directory_.config() + "/renewal/a.example.conf", "version = 2.1.0\n");
  }
  Result<Issued> Read(const std::vector<std::string>& names, const std::string& not_leaf = "") {
    std::vector<Hostname> hosts;
    for (const std::string& name : names) hosts.push_back(Hostname::Parse(name).value());
    return directory_.Read(hosts, not_leaf, kNow);
  }
  bool HasLineage() { return fs::exists(directory_.config() + "/live/a.example"); }

  fakes::TempDirectory temp_;
  LineageDirectory directory_{temp_ / "certbot", "a.example"};
  std::optional<crypto::Certificate> leaf_;
};

TEST_F(LineageTest, DirectoriesAreForTheirOwnerAlone) {
  ASSERT_EQ(directory_.Prepare(), Status::Ok());
  ASSERT_EQ(directory_.Prepare(), Status::Ok());
  for (const std::string& path :
       {temp_ / "certbot", directory_.config(), directory_.work(), directory_.temporary(),
        directory_.logs(), directory_.accounts()}) {
    struct stat stat {};
    ASSERT_EQ(::stat(path.c_str(), &stat), 0);
    EXPECT_EQ(stat.st_mode & 07777, 0700U) << path;
  }
  EXPECT_EQ(fs::read_symlink(directory_.config() + "/accounts"), directory_.accounts());
}

TEST_F(LineageTest, ACompleteLineageIsKeptAndWhatIsUnusedCleared) {
  ASSERT_TRUE(directory_.Prepare().ok());
  WriteLineage({"a.example"});
  Write(directory_.config() + "/keys/0000_key-certbot.pem", "unused");
  Write(directory_.config() + "/csr/0000_csr-certbot.pem", "unused");
  Write(directory_.log(), "old");
  ASSERT_EQ(directory_.Prepare(), Status::Ok());
  EXPECT_TRUE(HasLineage());
  EXPECT_FALSE(fs::exists(directory_.config() + "/keys"));
  EXPECT_FALSE(fs::exists(directory_.config() + "/csr"));
  EXPECT_FALSE(fs::exists(directory_.log()));
  EXPECT_TRUE(fs::exists(directory_.log() + ".previous"));
}

TEST_F(LineageTest, TemporaryFilesOfKilledRunsAreCleared) {
  ASSERT_TRUE(directory_.Prepare().ok());
  WriteLineage({"a.example"});
  fs::create_symlink(directory_.accounts(), directory_.config() + "/.new-0011223344556677");
  fs::create_directories(directory_.temporary() + "/certbot-log-x1y2z3");
  Write(directory_.accounts() + "/kept", "kept");
  ASSERT_EQ(directory_.Prepare(), Status::Ok());
  EXPECT_FALSE(fs::is_symlink(directory_.config() + "/.new-0011223344556677"));
  EXPECT_TRUE(fs::is_empty(directory_.temporary()));
  EXPECT_TRUE(fs::exists(directory_.accounts() + "/kept"));
  EXPECT_TRUE(HasLineage());
}

TEST_F(LineageTest, ALineageOfAKilledRunIsCleared) {
  const auto half_written = [&](const std::function<void()>& damage) {
    ASSERT_TRUE(directory_.Prepare().ok());
    fs::remove_all(directory_.config() + "/live");
    fs::remove_all(directory_.config() + "/archive");
    WriteLineage({"a.example"});
    damage();
    ASSERT_EQ(directory_.Prepare(), Status::Ok());
    EXPECT_FALSE(HasLineage());
    EXPECT_FALSE(fs::exists(directory_.config() + "/archive"));
    EXPECT_FALSE(fs::exists(directory_.config() + "/renewal"));
  };
  const std::string conf = directory_.config() + "/renewal/a.example.conf";
  half_written([&] { fs::remove(conf); });
  half_written([&] { Write(conf, ""); });
  half_written([&] { Write(directory_.config() + "/renewal/a.example-0001.conf", "x"); });
  half_written([&] { fs::remove(directory_.config() + "/archive/a.example/privkey1.pem"); });
  half_written([&] { Write(directory_.config() + "/archive/a.example/chain1.pem", ""); });
}

TEST_F(LineageTest, WhatCanBeServedIsRead) {
  ASSERT_TRUE(directory_.Prepare().ok());
  WriteLineage({"a.example", "b.example"});
  const auto issued = Read({"b.example", "a.example"});
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(issued->leaf_sha256, leaf_->FingerprintSha256Hex());
  EXPECT_TRUE(crypto::PrivateKey::FromPem(issued->key_pem.Reveal()).ok());
}

TEST_F(LineageTest, WhatCannotBeServedIsRefused) {
  ASSERT_TRUE(directory_.Prepare().ok());
  EXPECT_EQ(Read({"a.example"}).status().code(), Code::kNotFound);
  WriteLineage({"a.example"});
  EXPECT_EQ(Read({"a.example", "b.example"}).status().code(), Code::kFailedPrecondition);
  const Status same = Read({"a.example"}, leaf_->FingerprintSha256Hex()).status();
  EXPECT_EQ(same.code(), Code::kFailedPrecondition);
  EXPECT_NE(same.message().find("is the old one"), std::string::npos);
  Write(directory_.config() + "/archive/a.example/privkey1.pem",
        std::string(crypto::PrivateKey::GenerateP256().ToPem().Reveal()));
  const Status mismatch = Read({"a.example"}).status();
  EXPECT_EQ(mismatch.code(), Code::kFailedPrecondition);
  EXPECT_EQ(mismatch.message().find("PRIVATE"), std::string::npos);
  EXPECT_NE(mismatch.message().find("does not match its private key"), std::string::npos);
  Write(directory_.config() + "/archive/a.example/fullchain1.pem", "no certificate");
  EXPECT_FALSE(Read({"a.example"}).ok());
}

}  // namespace
}  // namespace lockstep::controller::drivers::certbot
