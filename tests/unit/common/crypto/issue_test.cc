#include "common/crypto/issue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/fakes/fake_clock.h"

namespace lockstep::crypto {
namespace {

constexpr Micros kDay = std::chrono::hours(24);

class IssueTest : public ::testing::Test {
 protected:
  Result<Certificate> Issue(const LeafProfile& profile) {
    return IssueCertificate(ca_, ca_key_, key_.Public(), profile);
  }

  WallTime now_ = fakes::FakeClock().Now();
  PrivateKey ca_key_ = PrivateKey::GenerateP256();
  Certificate ca_ = SelfSignedCa(ca_key_, "test CA", 100 * kDay, now_).value();
  PrivateKey key_ = PrivateKey::GenerateP256();
  LeafProfile profile_ = {
      .common_name = "leaf", .client_auth = true, .not_before = now_, .lifetime = 30 * kDay};
};

TEST_F(IssueTest, GivesEachCertificateASerialOfItsOwn) {
  std::set<std::string> serials;
  for (int i = 0; i < 50; ++i) serials.insert(Issue(profile_)->SerialHex());
  EXPECT_EQ(serials.size(), 50u);
}

TEST_F(IssueTest, NeverOutlivesTheCa) {
  profile_.lifetime = 1000 * kDay;
  EXPECT_EQ(Issue(profile_)->NotAfter(), ca_.NotAfter());
  profile_.not_before = now_ + 100 * kDay;
  EXPECT_EQ(Issue(profile_).status().code(), Code::kFailedPrecondition);
}

TEST_F(IssueTest, WantsTheKeyOfTheCa) {
  EXPECT_EQ(IssueCertificate(ca_, key_, key_.Public(), profile_).status(),
            FailedPrecondition("the CA certificate does not match the CA key"));
  const Certificate leaf = Issue(profile_).value();
  EXPECT_FALSE(IssueCertificate(leaf, key_, key_.Public(), profile_).ok());
}

TEST_F(IssueTest, RefusesWhatDoesNotFit) {
  profile_.common_name = std::string(65, 'x');
  EXPECT_FALSE(Issue(profile_).ok());
  profile_.common_name = "leaf";
  profile_.dns_names = {"a b"};
  EXPECT_FALSE(Issue(profile_).ok());
  profile_.dns_names = {"DNS:a,IP:1.2.3.4"};  // OpenSSL's config syntax is just a name here
  const Result<Certificate> odd = Issue(profile_);
  ASSERT_TRUE(odd.ok());
  EXPECT_EQ(odd->DnsNames().size(), 1u);
  EXPECT_TRUE(odd->IpAddresses().empty());
}

TEST_F(IssueTest, ReadsARequestInBothForms) {
  const std::string pem = MakeCsr(key_, "fra1");
  const Result<Csr> csr = ParseCsr(pem);
  ASSERT_TRUE(csr.ok()) << csr.status();
  EXPECT_TRUE(csr->public_key == key_.Public());
  EXPECT_EQ(csr->common_name, "fra1");
}

TEST_F(IssueTest, RefusesARequestThatItsKeyDidNotSign) {
  std::string pem = MakeCsr(key_, "fra1");
  // A character within the signature at the end of the last base64 line but one.
  const size_t at = pem.find("-----END") - 20;
  pem[at] = pem[at] == 'A' ? 'B' : 'A';
  EXPECT_EQ(ParseCsr(pem).status().code(), Code::kInvalidArgument);
}

TEST_F(IssueTest, RefusesGarbageAsARequest) {
  EXPECT_FALSE(ParseCsr("").ok());
  EXPECT_FALSE(ParseCsr("garbage").ok());
  EXPECT_FALSE(ParseCsr(std::string(20'000, 'x')).ok());
  EXPECT_FALSE(ParseCsr(ca_.Pem()).ok());
}

}  // namespace
}  // namespace lockstep::crypto
