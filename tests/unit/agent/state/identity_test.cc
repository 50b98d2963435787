#include "agent/state/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/fakes/fake_publisher.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::state {
namespace {

using ::testing::HasSubstr;

class IdentityTest : public ::testing::Test {
 protected:
  IdentityTest() : store(*IdentityStore::Open(directory / "identity")) {}
  Result<Identity> Install(const crypto::PrivateKey& key, const crypto::Certificate& certificate) {
    return store.Install(key, certificate.Pem(), publisher.ca().Pem(), now);
  }
  fakes::TempDirectory directory;
  fakes::FakePublisher publisher;
  IdentityStore store;
  const WallTime now = Clock::System().Now();
};

TEST_F(IdentityTest, AMachineThatIsNoNodeIsToldWhatToRun) {
  const Status status = store.Get().status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("lockstep-agent enroll"));
}

TEST_F(IdentityTest, TheKeyToEnrolWithStaysTheSameUntilItIsUsed) {
  const std::string first = store.EnrollmentKey()->SpkiSha256();
  EXPECT_EQ(store.EnrollmentKey()->SpkiSha256(), first);
  const crypto::PrivateKey key = *store.EnrollmentKey();
  ASSERT_TRUE(Install(key, publisher.Issue(key.Public(), false)).ok());
  EXPECT_NE(store.EnrollmentKey()->SpkiSha256(), first);
}

TEST_F(IdentityTest, WhatIsInstalledIsReadBackAndItsKeyIsPrivate) {
  const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  ASSERT_TRUE(Install(key, publisher.Issue(key.Public(), false)).ok());
  const auto identity = store.Get();
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->node, publisher.node());
  struct stat about {};
  ASSERT_EQ(::stat(store.KeyPath().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0600u);
}

TEST_F(IdentityTest, ANewOneReplacesKeyAndCertificateTogether) {
  const crypto::PrivateKey old_key = crypto::PrivateKey::GenerateP256();
  ASSERT_TRUE(Install(old_key, publisher.Issue(old_key.Public(), false)).ok());
  const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  const crypto::Certificate certificate = publisher.Issue(key.Public(), false);
  ASSERT_TRUE(Install(key, certificate).ok());
  EXPECT_EQ(store.Get()->certificate.SerialHex(), certificate.SerialHex());
  size_t pairs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory / "identity")) {
    pairs += entry.path().filename().string().starts_with("pair-") ? 1 : 0;
  }
  EXPECT_EQ(pairs, 1u);
}

TEST_F(IdentityTest, WhatARenewalThatWasCutShortLeftGoes) {
  const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  ASSERT_TRUE(Install(key, publisher.Issue(key.Public(), false)).ok());
  const std::string root = directory / "identity";
  const std::filesystem::path cut_short[] = {root + "/.new-0011223344556677",
                                             root + "/current/.new-8899aabbccddeeff"};
  for (const auto& file : cut_short) std::ofstream(file) << "a private key";
  std::filesystem::create_directory(root + "/pair-00ff");
  ASSERT_EQ(store.RemoveUnfinished(), Status::Ok());
  for (const auto& file : cut_short) EXPECT_FALSE(std::filesystem::exists(file)) << file;
  EXPECT_FALSE(std::filesystem::exists(root + "/pair-00ff"));
  EXPECT_TRUE(store.Get().ok());
}

TEST_F(IdentityTest, AMachineThatIsNoNodeHasNothingToRemove) {
  EXPECT_EQ(store.RemoveUnfinished(), Status::Ok());
}

TEST_F(IdentityTest, ReadersSeeOneWholeIdentityWhileItIsRenewed) {
  const auto renew = [&] {
    const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
    return Install(key, publisher.Issue(key.Public(), false)).ok();
  };
  ASSERT_TRUE(renew());
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) EXPECT_TRUE(store.Get().ok());
  });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(renew());
  done = true;
  reader.join();
}

TEST_F(IdentityTest, ACertificateThatIsNotOursChangesNothing) {
  const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  ASSERT_TRUE(Install(key, publisher.Issue(key.Public(), false)).ok());
  const std::string serial = store.Get()->certificate.SerialHex();
  const crypto::PrivateKey other = crypto::PrivateKey::GenerateP256();
  EXPECT_THAT(Install(other, publisher.Issue(key.Public(), false)).status().message(),
              HasSubstr("does not match this node's key"));
  const fakes::FakePublisher stranger;
  EXPECT_THAT(Install(key, stranger.Issue(key.Public(), false)).status().message(),
              HasSubstr("not signed by the fleet's ca"));
  EXPECT_THAT(Install(key, publisher.Issue(key.Public(), true)).status().message(),
              HasSubstr("names no node"));
  EXPECT_THAT(Install(key, publisher.Issue(key.Public(), false, now + std::chrono::hours(1)))
                  .status()
                  .message(),
              HasSubstr("set this machine's clock"));
  EXPECT_EQ(store.Get()->certificate.SerialHex(), serial);
}

TEST_F(IdentityTest, IsRenewedAfterADayAndStillReadWhenItHasExpired) {
  const crypto::PrivateKey key = crypto::PrivateKey::GenerateP256();
  const auto identity = Install(key, publisher.Issue(key.Public(), false, now - Seconds(60)));
  ASSERT_TRUE(identity.ok());
  EXPECT_FALSE(identity->NeedsRenewal(now + std::chrono::hours(23)));
  EXPECT_TRUE(identity->NeedsRenewal(now + std::chrono::hours(24)));
  EXPECT_TRUE(identity->NeedsRenewal(now + std::chrono::hours(24 * 40)));
}

}  // namespace
}  // namespace lockstep::agent::state
