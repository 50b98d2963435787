#include "controller/identity/fleet_ca.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "common/base/encoding.h"
#include "common/fsutil/files.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Micros kDay = std::chrono::hours(24);

NodeName Node(std::string_view text) { return NodeName::Parse(text).value(); }

crypto::Csr CsrOf(const crypto::PrivateKey& key, std::string_view name = "whoever") {
  return crypto::ParseCsr(crypto::MakeCsr(key, name)).value();
}

class FleetCaTest : public ::testing::Test {
 protected:
  fakes::FakeClock clock_;
  fakes::TempDirectory dir_;
  FleetCa ca_ = FleetCa::Create(dir_ / "ca", "fleet", clock_.Now()).value();
  crypto::PrivateKey key_ = crypto::PrivateKey::GenerateP256();
};

TEST_F(FleetCaTest, IsTheSameAfterARestart) {
  const Result<FleetCa> again = FleetCa::Open(dir_ / "ca");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->Pin(), ca_.Pin());
  EXPECT_EQ(again->certificate().Der(), ca_.certificate().Der());
}

TEST_F(FleetCaTest, KeepsItsKeyToItself) {
  struct stat about = {};
  ASSERT_EQ(::stat((dir_ / "ca/ca.key").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0600u);
  ASSERT_EQ(::chmod((dir_ / "ca/ca.key").c_str(), 0644), 0);
  EXPECT_THAT(FleetCa::Open(dir_ / "ca").status().message(), HasSubstr("chmod 0600"));
}

TEST_F(FleetCaTest, IsNeverReplaced) {
  EXPECT_EQ(FleetCa::Create(dir_ / "ca", "fleet", clock_.Now()).status().code(),
            Code::kAlreadyExists);
}

TEST_F(FleetCaTest, IsFinishedAfterAnInterruptedCreate) {
  std::filesystem::remove(dir_ / "ca/ca.pem");
  EXPECT_THAT(FleetCa::Open(dir_ / "ca").status().message(), HasSubstr("lockstep-controller init"));
  const Result<FleetCa> again = FleetCa::Create(dir_ / "ca", "fleet", clock_.Now());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->Pin(), ca_.Pin());
}

TEST_F(FleetCaTest, NoticesAForeignKey) {
  ASSERT_TRUE(fsutil::WriteAtomic(dir_ / "ca/ca.key", key_.ToPem().Reveal()).ok());
  EXPECT_THAT(FleetCa::Open(dir_ / "ca").status().message(),
              HasSubstr("does not match its private key"));
}

TEST_F(FleetCaTest, GivesANodeAnIdentityForThirtyDays) {
  const Result<crypto::Certificate> made = ca_.IssueNode(Node("fra1"), CsrOf(key_), clock_.Now());
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_THAT(made->Uris(), ElementsAre("lockstep://fleet/node/fra1"));
  EXPECT_EQ(made->CommonName(), "fra1");  // not what the request said
  EXPECT_TRUE(made->HasClientAuth());
  EXPECT_FALSE(made->HasServerAuth());
  EXPECT_EQ(made->NotAfter(), clock_.Now() + 30 * kDay);
  EXPECT_LT(made->NotBefore(), clock_.Now());
  EXPECT_TRUE(made->IsSignedBy(ca_.certificate()));
  const Result<NodeIdentity> read = ReadNodeIdentity(*made);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->node, Node("fra1"));
  EXPECT_EQ(read->serial_hex, made->SerialHex());
  EXPECT_EQ(read->not_after, made->NotAfter());
}

TEST_F(FleetCaTest, IssuesForTwentyYears) {
  clock_.Advance(19 * 365 * kDay);
  const Result<crypto::Certificate> made = ca_.IssueNode(Node("fra1"), CsrOf(key_), clock_.Now());
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->NotAfter(), clock_.Now() + 30 * kDay);
}

TEST_F(FleetCaTest, TakesNoServerForANode) {
  const crypto::Certificate server =
      ca_.IssueServer(key_.Public(), {"ctl.example.test"}, {}, clock_.Now()).value();
  EXPECT_EQ(ReadNodeIdentity(server).status().code(), Code::kUnauthenticated);
  EXPECT_EQ(ReadNodeIdentity(ca_.certificate()).status().code(), Code::kUnauthenticated);
}

TEST_F(FleetCaTest, TakesNoForeignUriForANode) {
  for (const char* uri :
       {"", "lockstep://fleet/node/", "lockstep://fleet/node/a/b", "lockstep://fleet/node/FRA1",
        "lockstep://other/node/fra1", "https://fleet/node/fra1", "lockstep://fleet/node/fra1/"}) {
    const crypto::LeafProfile profile = {.common_name = "fra1",
                                         .uri = uri,
                                         .client_auth = true,
                                         .not_before = clock_.Now(),
                                         .lifetime = kDay};
    const crypto::PrivateKey ca_key =
        crypto::PrivateKey::FromPem(*fsutil::ReadSecretFile(dir_ / "ca/ca.key")).value();
    const crypto::Certificate made =
        crypto::IssueCertificate(ca_.certificate(), ca_key, key_.Public(), profile).value();
    EXPECT_EQ(ReadNodeIdentity(made).status().code(), Code::kUnauthenticated) << uri;
  }
}

TEST_F(FleetCaTest, KeepsKindsOfSignedBytesApart) {
  const std::string signature = ca_.Sign("manifest", "bytes");
  const crypto::PublicKey key = ca_.certificate().SubjectPublicKey().value();
  EXPECT_EQ(key.Verify(SignedBytes("manifest", "bytes"), signature), Status::Ok());
  EXPECT_FALSE(key.Verify(SignedBytes("manifest", "byteS"), signature).ok());
  EXPECT_FALSE(key.Verify(SignedBytes("other", "bytes"), signature).ok());
}

TEST_F(FleetCaTest, PinsItsKeyNotItsCertificate) {
  EXPECT_EQ(Base64UrlDecode(ca_.Pin())->size(), 32u);
  EXPECT_EQ(*Base64UrlDecode(ca_.Pin()), ca_.certificate().SubjectPublicKey()->SpkiSha256());
}

TEST(NodeUriTest, SurvivesItsTextForm) {
  for (const char* name : {"a", "fra1", "node-2", "0"}) {
    EXPECT_EQ(*ParseNodeUri(NodeUri(Node(name))), Node(name));
  }
}

}  // namespace
}  // namespace lockstep::controller::identity
