// Handshakes: which certificate, which transport parameters, for which name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/agent_quicd/rig.h"

namespace lockstep::agent::quicd {
namespace {

using ::testing::HasSubstr;

constexpr const char* kName = "www.example.test";

TEST(HandshakeTest, CompletesOnBothFamiliesWithTheCertificateOfTheName) {
  const uint16_t port = FreePort();
  const Pair pair = Pair::Make({kName});
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, pair)).ok());
  for (const char* address : {"127.0.0.1", "::1"}) {
    const auto seen = Look(address, port, kName);
    EXPECT_TRUE(seen.handshake) << seen.error;
    EXPECT_EQ(seen.certificate.leaf_sha256, pair.fingerprint);
    EXPECT_EQ(seen.alpn, "h3");
    ASSERT_TRUE(seen.transport_parameters);
    EXPECT_EQ(seen.transport_parameters->scid_length, cid::kLength);
    EXPECT_TRUE(seen.transport_parameters->stateless_reset_token);
    EXPECT_FALSE(seen.transport_parameters->preferred_address);
  }
  EXPECT_EQ(rig.counters().handshakes, 2U);
}

TEST(HandshakeTest, DownloadsOverHttp3) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, Pair::Make({kName}))).ok());
  const Asked asked = Ask("127.0.0.1", port, "/bytes/3000000");
  ASSERT_EQ(asked.body.size(), 3000000U) << asked.output;
  for (size_t i = 0; i < asked.body.size(); ++i) {
    ASSERT_EQ(static_cast<uint8_t>(asked.body[i]), PatternByte(i)) << "at " << i;
  }
}

}  // namespace
}  // namespace lockstep::agent::quicd
