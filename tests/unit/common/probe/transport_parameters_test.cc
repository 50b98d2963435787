#include "common/probe/transport_parameters.h"

#include <gtest/gtest.h>

#include "common/base/encoding.h"

namespace lockstep::probe {
namespace {

// RFC 9000 §18: each parameter is id, length, value.
TransportParameters Decode(const std::string& hex) {
  const std::string bytes = *HexDecode(hex);
  ngtcp2_transport_params params;
  LS_CHECK(ngtcp2_transport_params_decode(&params, reinterpret_cast<const uint8_t*>(bytes.data()),
                                          bytes.size()) == 0);
  return Describe(params);
}

const std::string kToken = "000102030405060708090a0b0c0d0e0f";

TEST(TransportParametersTest, ReadsWhatAnAnycastServerSends) {
  const TransportParameters seen = Decode(
      "0c00"          // disable_active_migration
      "010480007530"  // max_idle_timeout: 30,000 ms
      "030245ac"      // max_udp_payload_size: 1452
      "0e0104"        // active_connection_id_limit: 4
      "0404800f4240"  // initial_max_data: 1,000,000
      "08024064"      // initial_max_streams_bidi: 100
      "0210" +
      kToken +        // stateless_reset_token
      "0f0411223344"  // initial_source_connection_id
      "0d2d"          // preferred_address
      "0a4d0102"
      "01bb"  // 10.77.1.2:443
      "fd770001000000000000000000000002"
      "01bb"  // [fd77:1::2]:443
      "04"
      "a1b2c3d4" +
      kToken);
  EXPECT_TRUE(seen.disable_active_migration);
  EXPECT_EQ(seen.max_idle_timeout, Seconds(30));
  EXPECT_EQ(seen.max_udp_payload_size, 1452u);
  EXPECT_EQ(seen.active_connection_id_limit, 4u);
  EXPECT_EQ(seen.initial_max_data, 1'000'000u);
  EXPECT_EQ(seen.initial_max_streams_bidi, 100u);
  EXPECT_TRUE(seen.stateless_reset_token);
  EXPECT_EQ(seen.scid_length, 4u);
  ASSERT_TRUE(seen.preferred_address.has_value());
  EXPECT_EQ(seen.preferred_address->ipv4->ToString(), "10.77.1.2:443");
  EXPECT_EQ(seen.preferred_address->ipv6->ToString(), "[fd77:1::2]:443");
  EXPECT_EQ(seen.preferred_address->connection_id, "a1b2c3d4");
}

TEST(TransportParametersTest, LeavesOutTheFamilyOfAPreferredAddressThatIsAllZero) {
  const TransportParameters seen = Decode(
      "0d2d"
      "000000000000"
      "fd770001000000000000000000000002"
      "01bb"
      "04"
      "a1b2c3d4" +
      kToken);
  ASSERT_TRUE(seen.preferred_address.has_value());
  EXPECT_FALSE(seen.preferred_address->ipv4.has_value());
  EXPECT_TRUE(seen.preferred_address->ipv6.has_value());
}

TEST(TransportParametersTest, ReadsTheDefaultsOfWhatWasNotSent) {
  const TransportParameters seen = Decode("");
  EXPECT_FALSE(seen.disable_active_migration);
  EXPECT_EQ(seen.max_idle_timeout, Millis(0));
  EXPECT_EQ(seen.max_udp_payload_size, 65527u);
  EXPECT_EQ(seen.active_connection_id_limit, 2u);
  EXPECT_FALSE(seen.stateless_reset_token);
  EXPECT_EQ(seen.scid_length, 0u);
  EXPECT_FALSE(seen.preferred_address.has_value());
}

}  // namespace
}  // namespace lockstep::probe
