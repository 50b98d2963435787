#include "agent/apply/proof.h"

#include <gtest/gtest.h>

namespace lockstep::agent::apply {
namespace {

Expectation Expected() {
  Expectation out;
  out.look.kind = types::v1::PROBE_KIND_QUIC;
  out.look.host = *Hostname::Parse("www.example.test");
  out.look.address = *IpAddress::Parse("203.0.113.10");
  out.expected = "9a17";
  out.quic = reconcile::QuicExpectation{true, "10.77.1.2:443", ""};
  return out;
}

types::v1::Observation Seen() {
  types::v1::Observation out;
  out.mutable_quic()->mutable_tls()->set_leaf_sha256("9a17");
  out.mutable_quic()->mutable_parameters()->set_disable_active_migration(true);
  out.mutable_quic()->mutable_parameters()->set_preferred_ipv4("10.77.1.2:443");
  return out;
}

constexpr const char* kWhat = "QUIC handshake for www.example.test at 203.0.113.10";

TEST(ProofTest, ThePolicyAsConfiguredIsRight) { EXPECT_EQ(WhyNot(Expected(), Seen()), ""); }

TEST(ProofTest, AnotherPreferredAddressNamesBoth) {
  types::v1::Observation seen = Seen();
  seen.mutable_quic()->mutable_parameters()->set_preferred_ipv4("10.77.2.2:443");
  EXPECT_EQ(
      WhyNot(Expected(), seen),
      std::string(kWhat) + " offered the preferred address 10.77.2.2:443 and not 10.77.1.2:443");
  seen.mutable_quic()->mutable_parameters()->clear_preferred_ipv4();
  EXPECT_EQ(WhyNot(Expected(), seen),
            std::string(kWhat) + " offered the preferred address none and not 10.77.1.2:443");
}

TEST(ProofTest, MigrationThatIsNotBarredIsAFailure) {
  types::v1::Observation seen = Seen();
  seen.mutable_quic()->mutable_parameters()->set_disable_active_migration(false);
  EXPECT_EQ(WhyNot(Expected(), seen),
            std::string(kWhat) + " did not say disable_active_migration, as it must");
}

TEST(ProofTest, AConnectionThatDidNotMoveOrMovedElsewhereIsAFailure) {
  types::v1::Observation seen = Seen();
  seen.mutable_quic()->set_moved_to("10.77.1.2:443");
  EXPECT_EQ(WhyNot(Expected(), seen), "");
  seen.mutable_quic()->set_moved_to("10.77.9.9:443");
  EXPECT_EQ(WhyNot(Expected(), seen),
            std::string(kWhat) +
                " went on at 10.77.9.9:443 and not at the preferred address 10.77.1.2:443");
  seen.mutable_quic()->clear_moved_to();
  seen.mutable_quic()->set_move_error("move to 10.77.1.2:443: no answer");
  EXPECT_EQ(WhyNot(Expected(), seen),
            std::string(kWhat) +
                " did not go on at the preferred address: move to 10.77.1.2:443: no answer");
}

TEST(ProofTest, BehindNatTheNodeDoesNotFollowItself) {
  reconcile::Look look{reconcile::LookKind::kQuic, Expected().look.host, Expected().look.address,
                       "9a17", Expected().quic};
  EXPECT_TRUE(Expectations({look})[0].look.follow_preferred_address);
  look.quic->behind_nat = true;
  EXPECT_FALSE(Expectations({look})[0].look.follow_preferred_address);
}

TEST(ProofTest, CaddysParametersAreItsOwn) {
  Expectation expected = Expected();
  expected.quic.reset();
  types::v1::Observation seen = Seen();
  seen.mutable_quic()->clear_parameters();
  EXPECT_EQ(WhyNot(expected, seen), "");
}

}  // namespace
}  // namespace lockstep::agent::apply
