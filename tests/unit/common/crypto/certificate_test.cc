#include "common/crypto/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/issue.h"
#include "tests/fakes/fake_clock.h"

namespace lockstep::crypto {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Micros kDay = std::chrono::hours(24);

Hostname Host(std::string_view text) { return Hostname::Parse(text).value(); }

class CertificateTest : public ::testing::Test {
 protected:
  Certificate Leaf(LeafProfile profile) {
    if (profile.common_name.empty()) profile.common_name = "www.example.test";
    if (profile.not_before == WallTime()) profile.not_before = now_;
    if (profile.lifetime == Micros(0)) profile.lifetime = 90 * kDay;
    return IssueCertificate(ca_, ca_key_, key_.Public(), profile).value();
  }
  Status Check(std::vector<Certificate> chain, std::vector<Hostname> names,
               NameRule rule = NameRule::kExactly) {
    return CheckChain(chain, key_, names, now_, rule);
  }

  fakes::FakeClock clock_;
  WallTime now_ = clock_.Now();
  PrivateKey ca_key_ = PrivateKey::GenerateP256();
  Certificate ca_ = SelfSignedCa(ca_key_, "test CA", 3650 * kDay, now_ - kDay).value();
  PrivateKey key_ = PrivateKey::GenerateP256();
};

TEST_F(CertificateTest, TellsWhatIsInIt) {
  const Certificate leaf =
      Leaf({.dns_names = {"www.example.test", "example.test"},
            .ip_addresses = {*IpAddress::Parse("203.0.113.7"), *IpAddress::Parse("2001:db8::7")},
            .uri = "lockstep://fleet/node/fra1",
            .client_auth = true,
            .not_before = now_,
            .lifetime = 30 * kDay});
  EXPECT_EQ(leaf.CommonName(), "www.example.test");
  EXPECT_THAT(leaf.DnsNames(), ElementsAre("www.example.test", "example.test"));
  EXPECT_THAT(leaf.IpAddresses(), ElementsAre("203.0.113.7", "2001:db8::7"));
  EXPECT_THAT(leaf.Uris(), ElementsAre("lockstep://fleet/node/fra1"));
  EXPECT_EQ(leaf.NotBefore(), now_);
  EXPECT_EQ(leaf.NotAfter(), now_ + 30 * kDay);
  EXPECT_EQ(leaf.Issuer(), "CN=test CA");
  EXPECT_EQ(leaf.Subject(), "CN=www.example.test");
  EXPECT_EQ(leaf.FingerprintSha256Hex().size(), 64u);
  EXPECT_LE(leaf.SerialHex().size(), 32u);
  EXPECT_TRUE(leaf.HasClientAuth());
  EXPECT_FALSE(leaf.HasServerAuth());
  EXPECT_FALSE(leaf.IsCa());
  EXPECT_TRUE(ca_.IsCa());
  EXPECT_TRUE(leaf.PublicKeyMatches(key_));
  EXPECT_FALSE(leaf.PublicKeyMatches(ca_key_));
  EXPECT_TRUE(leaf.IsSignedBy(ca_));
  EXPECT_FALSE(ca_.IsSignedBy(leaf));
  EXPECT_TRUE(*leaf.SubjectPublicKey() == key_.Public());
}

TEST_F(CertificateTest, SurvivesBothForms) {
  const Certificate leaf = Leaf({.dns_names = {"www.example.test"}});
  EXPECT_EQ(Certificate::FromPem(leaf.Pem())->Der(), leaf.Der());
  EXPECT_EQ(Certificate::FromDer(leaf.Der())->Pem(), leaf.Pem());
  EXPECT_FALSE(Certificate::FromDer(leaf.Der() + "x").ok());
  EXPECT_FALSE(Certificate::FromPem(leaf.Pem() + ca_.Pem()).ok());
}

TEST_F(CertificateTest, IsAcceptedWithExactlyItsNames) {
  const Certificate leaf = Leaf({.dns_names = {"www.example.test", "example.test"}});
  EXPECT_EQ(Check({leaf, ca_}, {Host("example.test"), Host("www.example.test")}), Status::Ok());
  EXPECT_EQ(Check({leaf}, {Host("example.test"), Host("www.example.test")}), Status::Ok());
}

TEST_F(CertificateTest, IsRefusedForOtherNames) {
  const Certificate leaf = Leaf({.dns_names = {"www.example.test"}});
  EXPECT_EQ(Check({leaf, ca_}, {Host("example.test")}),
            FailedPrecondition("certificate lacks the name example.test; certificate carries the "
                               "name \"www.example.test\" that nobody asked for"));
}

TEST_F(CertificateTest, MayHaveMoreNamesWhereThatIsAllowed) {
  const Certificate leaf = Leaf({.dns_names = {"www.example.test", "*.shop.test"}});
  EXPECT_EQ(Check({leaf}, {Host("www.example.test")}, NameRule::kAtLeast), Status::Ok());
  EXPECT_EQ(Check({leaf}, {Host("a.shop.test")}, NameRule::kAtLeast), Status::Ok());
  EXPECT_FALSE(Check({leaf}, {Host("a.b.shop.test")}, NameRule::kAtLeast).ok());
  EXPECT_FALSE(Check({leaf}, {Host("shop.test")}, NameRule::kAtLeast).ok());
}

TEST_F(CertificateTest, IsRefusedWithAnotherKey) {
  const Certificate leaf = Leaf({.dns_names = {"www.example.test"}});
  const std::vector<Hostname> names = {Host("www.example.test")};
  EXPECT_EQ(CheckChain(std::vector{leaf}, PrivateKey::GenerateP256(), names, now_),
            FailedPrecondition("certificate does not match its private key"));
}

TEST_F(CertificateTest, IsRefusedOutsideItsDates) {
  const std::vector<Hostname> names = {Host("www.example.test")};
  const Certificate leaf = Leaf({.dns_names = {"www.example.test"}});
  const std::vector<Certificate> chain = {leaf, ca_};
  EXPECT_EQ(CheckChain(chain, key_, names, now_ + 90 * kDay), Status::Ok());
  EXPECT_THAT(CheckChain(chain, key_, names, now_ + 91 * kDay).message(),
              HasSubstr("certificate expired at 2027-02-19T20:00:00.000Z"));
  EXPECT_THAT(CheckChain(chain, key_, names, now_ - Seconds(1)).message(),
              HasSubstr("certificate is not valid before 2026-11-21T20:00:00.000Z"));
}

TEST_F(CertificateTest, IsRefusedWithAChainThatDoesNotHold) {
  const std::vector<Hostname> names = {Host("www.example.test")};
  const Certificate leaf = Leaf({.dns_names = {"www.example.test"}});
  const PrivateKey other_key = PrivateKey::GenerateP256();
  // Same name, another key: only the signature tells.
  const Certificate impostor = SelfSignedCa(other_key, "test CA", 3650 * kDay, now_ - kDay).value();
  EXPECT_EQ(Check({leaf, impostor}, names),
            FailedPrecondition("certificate is not signed by the one after it"));
  EXPECT_THAT(Check({leaf, leaf}, names).message(),
              HasSubstr("certificate 2 of the chain is not a CA's"));
  EXPECT_THAT(CheckChain(std::vector{ca_}, ca_key_, {}, now_).message(),
              HasSubstr("certificate is a CA's"));
  EXPECT_EQ(Check({}, names), FailedPrecondition("there is no certificate"));
}

TEST_F(CertificateTest, ReportsAllThatIsWrongAtOnce) {
  const Certificate leaf = Leaf({.dns_names = {"www.example.test"}});
  const Status status =
      CheckChain(std::vector{leaf}, ca_key_, std::vector{Host("a.test")}, now_ - kDay);
  EXPECT_THAT(status.message(), HasSubstr("private key"));
  EXPECT_THAT(status.message(), HasSubstr("lacks the name a.test"));
  EXPECT_THAT(status.message(), HasSubstr("not valid before"));
}

TEST_F(CertificateTest, ParsesChainsWithTextAround) {
  const Certificate leaf = Leaf({.dns_names = {"www.example.test"}});
  const auto chain = ParseChain("subject=x\n" + leaf.Pem() + "\nissuer\n" + ca_.Pem() + "end\n");
  ASSERT_TRUE(chain.ok()) << chain.status();
  ASSERT_EQ(chain->size(), 2u);
  EXPECT_EQ((*chain)[0].Der(), leaf.Der());
  EXPECT_EQ(RenderChain(*chain), leaf.Pem() + ca_.Pem());
}

TEST_F(CertificateTest, RefusesChainsThatAreNone) {
  const std::string pem = Leaf({.dns_names = {"www.example.test"}}).Pem();
  EXPECT_EQ(ParseChain("").status(), InvalidArgument("text holds no certificate"));
  EXPECT_EQ(ParseChain("hello").status(), InvalidArgument("text holds no certificate"));
  EXPECT_EQ(ParseChain(pem.substr(0, pem.size() - 20)).status(),
            InvalidArgument("certificate chain holds a damaged PEM block"));
  EXPECT_EQ(ParseChain("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").status(),
            InvalidArgument("certificate is malformed"));
  EXPECT_EQ(ParseChain(pem + std::string(key_.ToPem().Reveal())).status(),
            InvalidArgument("certificate chain holds a block of another kind: \"PRIVATE KEY\""));
  std::string many;
  for (int i = 0; i < 17; ++i) many += pem;
  EXPECT_FALSE(ParseChain(many).ok());
  EXPECT_FALSE(ParseChain(std::string(300'000, ' ')).ok());
}

TEST_F(CertificateTest, NeverCrashesOnATornOne) {
  const std::string der = Leaf({.dns_names = {"www.example.test"}}).Der();
  for (size_t length = 0; length < der.size(); ++length) {
    EXPECT_FALSE(Certificate::FromDer(der.substr(0, length)).ok());
  }
}

}  // namespace
}  // namespace lockstep::crypto
