// Certificates on a real Caddy: which leaf TCP and QUIC handshakes show after each change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/probe/probe.h"
#include "tests/integration/agent_caddy/real_caddy.h"

namespace lockstep::agent::drivers::caddy {
namespace {

class CaddyCertificateTest : public ::testing::Test {
 protected:
  CaddyCertificateTest() : desired_(LoopbackDesired()), driver_(caddy_.Options()) {
    desired_.sites = {PresetSite("www.example.test", "hello", true)};
    desired_.certificates = {ca_.Issue("www", 1, {"www.example.test"})};
  }

  Endpoint At(const std::string& address) const {
    return {*IpAddress::Parse(address), caddy_.https_port()};
  }
  // The leaf that each protocol and address shows; all equal, else what differs.
  std::string Leaf(const std::string& host) {
    std::string seen;
    for (const std::string address : {"127.0.0.1", "::1"}) {
      for (const std::string alpn : {"http/1.1", "h2", "h3"}) {
        const std::string leaf = Look(host, address, alpn);
        if (seen.empty()) seen = leaf;
        if (leaf != seen) return seen + " but " + alpn + " at " + address + ": " + leaf;
      }
    }
    return seen;
  }
  std::string Look(const std::string& host, const std::string& address, const std::string& alpn) {
    if (alpn == "h3") {
      probe::QuicRequest request;
      request.route = {At(address), {}, Seconds(2)};
      request.sni = *Hostname::Parse(host);
      const probe::QuicObservation seen = probe::QuicHandshake(request);
      return seen.handshake ? seen.certificate.leaf_sha256 : "quic: " + seen.error;
    }
    probe::TlsRequest request;
    request.route = {At(address), {}, Seconds(2)};
    request.sni = *Hostname::Parse(host);
    request.alpn = {alpn};
    const probe::TlsObservation seen = probe::TlsHandshake(request);
    return seen.handshake && seen.alpn == alpn ? seen.certificate.leaf_sha256
                                               : "tls: " + seen.error;
  }

  RealCaddy caddy_;
  TestCa ca_;
  reconcile::Desired desired_;
  CaddyDriver driver_;
};

TEST_F(CaddyCertificateTest, EveryProtocolShowsTheNewLeafAfterEachOfManyChanges) {
  ASSERT_EQ(driver_.Apply(desired_, nullptr), Status::Ok());
  EXPECT_EQ(Leaf("www.example.test"), desired_.certificates[0].leaf_sha256);
  for (uint64_t revision = 2; revision < 22; ++revision) {
    const reconcile::Desired before = desired_;
    desired_.certificates[0] = ca_.Issue("www", revision, {"www.example.test"});
    ASSERT_EQ(driver_.Apply(desired_, &before), Status::Ok());
    ASSERT_EQ(Leaf("www.example.test"), desired_.certificates[0].leaf_sha256) << revision;
  }
}

TEST_F(CaddyCertificateTest, ANewNameIsServedOnHttp3Too) {
  ASSERT_EQ(driver_.Apply(desired_, nullptr), Status::Ok());
  const reconcile::Desired before = desired_;
  desired_.sites.push_back(PresetSite("new.example.test", "new", true));
  desired_.certificates.push_back(ca_.Issue("new", 1, {"new.example.test"}));
  ASSERT_EQ(driver_.Apply(desired_, &before), Status::Ok());
  EXPECT_EQ(Leaf("new.example.test"), desired_.certificates[1].leaf_sha256);
  EXPECT_EQ(Leaf("www.example.test"), desired_.certificates[0].leaf_sha256);
}

// The negative control of the two above: without closing HTTP/3 in between, the old leaf stays.
TEST_F(CaddyCertificateTest, APlainLoadKeepsTheOldLeafOnHttp3) {
  ASSERT_EQ(driver_.Apply(desired_, nullptr), Status::Ok());
  const std::string old_leaf = desired_.certificates[0].leaf_sha256;
  desired_.certificates[0] = ca_.Issue("www", 2, {"www.example.test"});
  const auto config = RenderConfig(desired_, caddy_.Options().render, Http3::kOn);
  AdminClient admin = AdminClient::OverUnixSocket(caddy_.Options().render.admin_socket);
  ASSERT_EQ(admin.Load(config->json.Reveal()), Status::Ok());
  EXPECT_EQ(Look("www.example.test", "127.0.0.1", "h2"), desired_.certificates[0].leaf_sha256);
  EXPECT_EQ(Look("www.example.test", "127.0.0.1", "h3"), old_leaf);
}

TEST_F(CaddyCertificateTest, AnAgentThatDiedBetweenTheTwoLoadsIsMadeGoodByTheNext) {
  ASSERT_EQ(driver_.Apply(desired_, nullptr), Status::Ok());
  desired_.certificates[0] = ca_.Issue("www", 2, {"www.example.test"});
  const auto half = RenderConfig(desired_, caddy_.Options().render, Http3::kOff);
  AdminClient admin = AdminClient::OverUnixSocket(caddy_.Options().render.admin_socket);
  ASSERT_EQ(admin.Load(half->json.Reveal()), Status::Ok());
  CaddyDriver restarted(caddy_.Options());
  ASSERT_EQ(restarted.Apply(desired_, nullptr), Status::Ok());
  EXPECT_EQ(Leaf("www.example.test"), desired_.certificates[0].leaf_sha256);
}

TEST_F(CaddyCertificateTest, AnotherAgentsChangeOfCertificateIsNoticedFromCaddyItself) {
  ASSERT_EQ(driver_.Apply(desired_, nullptr), Status::Ok());
  desired_.certificates[0] = ca_.Issue("www", 2, {"www.example.test"});
  CaddyDriver restarted(caddy_.Options());
  ASSERT_EQ(restarted.Apply(desired_, nullptr), Status::Ok());
  EXPECT_EQ(Leaf("www.example.test"), desired_.certificates[0].leaf_sha256);
}

TEST_F(CaddyCertificateTest, ServesTheLongerLastingOfTwoForOneName) {
  desired_.certificates = {ca_.Issue("a", 9, {"www.example.test"}),
                           ca_.Issue("b", 1, {"www.example.test", "b.example.test"}),
                           ca_.Issue("c", 5, {"www.example.test"})};
  ASSERT_EQ(driver_.Apply(desired_, nullptr), Status::Ok());
  EXPECT_EQ(Leaf("www.example.test"), desired_.certificates[0].leaf_sha256);
  EXPECT_EQ(Leaf("b.example.test"), desired_.certificates[1].leaf_sha256);
}

TEST_F(CaddyCertificateTest, AChainThatHasMoreNamesThanItAnswersStaysOutOfTheWay) {
  desired_.certificates = {ca_.Issue("old", 9, {"old.example.test", "www.example.test"}),
                           ca_.Issue("www", 1, {"www.example.test"})};
  desired_.certificates[0].hosts = {*Hostname::Parse("old.example.test")};
  ASSERT_EQ(driver_.Apply(desired_, nullptr), Status::Ok());
  EXPECT_EQ(Leaf("www.example.test"), desired_.certificates[1].leaf_sha256);
  EXPECT_EQ(Leaf("old.example.test"), desired_.certificates[0].leaf_sha256);
}

TEST_F(CaddyCertificateTest, RefusesAKeyOfAnotherCertificateAndServesOn) {
  ASSERT_EQ(driver_.Apply(desired_, nullptr), Status::Ok());
  const std::string leaf = desired_.certificates[0].leaf_sha256;
  reconcile::Desired wrong = desired_;
  wrong.certificates[0] = ca_.Issue("www", 2, {"www.example.test"});
  wrong.certificates[0].key_pem = desired_.certificates[0].key_pem;
  EXPECT_EQ(driver_.Check(wrong),
            FailedPrecondition("certificate \"www\": certificate does not match its private key"));
  const Status applied = driver_.Apply(wrong, &desired_);
  EXPECT_EQ(applied.code(), Code::kInvalidArgument);
  EXPECT_THAT(applied.message(), ::testing::HasSubstr("private key does not match public key"));
  EXPECT_EQ(Leaf("www.example.test"), leaf);
  EXPECT_EQ(driver_.Ensure(), Status::Ok());
}

TEST_F(CaddyCertificateTest, ASiteChangeLeavesTheQuicListenerAlone) {
  ASSERT_EQ(driver_.Apply(desired_, nullptr), Status::Ok());
  const auto first = RenderConfig(desired_, caddy_.Options().render, Http3::kOn);
  desired_.sites.push_back(PresetSite("plain.example.test", "x", false));
  const auto second = RenderConfig(desired_, caddy_.Options().render, Http3::kOn);
  EXPECT_EQ(first->id.certificates, second->id.certificates);
  ASSERT_EQ(driver_.Apply(desired_, nullptr), Status::Ok());
  EXPECT_EQ(Leaf("www.example.test"), desired_.certificates[0].leaf_sha256);
}

}  // namespace
}  // namespace lockstep::agent::drivers::caddy
