#include "common/probe/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/loopback/tls_server.h"

namespace lockstep::probe {
namespace {

std::string Der(const fakes::TestCertificate& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.certificate.get(), &der);
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

TEST(ObserveChainTest, SaysWhenNoCertificateCame) {
  CertificateObservation seen;
  EXPECT_EQ(ObserveChain({}, &seen), Unavailable("no certificate was shown"));
  EXPECT_EQ(seen.leaf_sha256, "");
}

TEST(ObserveChainTest, RefusesALeafThatIsNoCertificate) {
  const std::string good = Der(fakes::TestCertificate::Make({"a.test"}));
  CertificateObservation seen;
  for (const std::string& bad : {std::string("garbage"), std::string(), good + "x",
                                 good.substr(0, good.size() - 1), std::string(5000, '\x30')}) {
    const Status status = ObserveChain({bad, good}, &seen);
    EXPECT_EQ(status.code(), Code::kDataLoss);
    EXPECT_EQ(seen.leaf_sha256, "");
    EXPECT_EQ(seen.chain_sha256.size(), 1u);
  }
}

TEST(ObserveChainTest, TakesALeafWithoutNames) {
  CertificateObservation seen;
  EXPECT_EQ(ObserveChain({Der(fakes::TestCertificate::Make({}))}, &seen), Status::Ok());
  EXPECT_THAT(seen.dns_names, ::testing::IsEmpty());
  EXPECT_EQ(seen.leaf_sha256.size(), 64u);
}

}  // namespace
}  // namespace lockstep::probe
