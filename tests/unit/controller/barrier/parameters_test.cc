#include "controller/barrier/parameters.h"

#include <gtest/gtest.h>

#include "controller/barrier/barrier.h"
#include "lockstep/types/v1/observation.pb.h"

namespace lockstep::controller::barrier {
namespace {

IpAddress Ip(const std::string& text) { return *IpAddress::Parse(text); }
Hostname Host() { return *Hostname::Parse("www.example.test"); }

const model::QuicParameters kWanted{true, Seconds(30), {Ip("10.77.1.2"), Ip("fd77:1::2")}};

types::v1::Observation Right() {
  types::v1::Observation seen;
  seen.set_address("203.0.113.10");
  auto& parameters = *seen.mutable_quic()->mutable_parameters();
  parameters.set_disable_active_migration(true);
  parameters.mutable_max_idle_timeout()->set_seconds(30);
  parameters.set_preferred_ipv4("10.77.1.2:443");
  parameters.set_preferred_ipv6("[fd77:1::2]:443");
  seen.mutable_quic()->set_moved_to("10.77.1.2:443");
  return seen;
}
std::string Judged(const types::v1::Observation& seen,
                   const model::QuicParameters& wanted = kWanted) {
  return JudgeParameters(seen.SerializeAsString(), wanted);
}

TEST(ParametersTest, WhatIsWantedIsNoProblem) {
  EXPECT_EQ(Judged(Right()), "");
  auto v6 = Right();
  v6.set_address("2001:db8:a::10");
  v6.mutable_quic()->set_moved_to("[fd77:1::2]:443");
  EXPECT_EQ(Judged(v6), "");
}

TEST(ParametersTest, EachDifferenceNamesBothValues) {
  auto seen = Right();
  seen.mutable_quic()->mutable_parameters()->set_disable_active_migration(false);
  EXPECT_EQ(Judged(seen), "tells clients disable_active_migration false, not true");
  seen = Right();
  seen.mutable_quic()->mutable_parameters()->mutable_max_idle_timeout()->set_seconds(20);
  EXPECT_EQ(Judged(seen), "tells clients an idle timeout of 20000 ms, not 30000 ms");
  seen = Right();
  seen.mutable_quic()->mutable_parameters()->clear_preferred_ipv4();
  EXPECT_EQ(Judged(seen), "offers preferred IPv4 address none, not 10.77.1.2:443");
  EXPECT_EQ(Judged(Right(), {true, Seconds(30), {}}),
            "offers preferred IPv4 address \"10.77.1.2:443\", not none");
  EXPECT_EQ(Judged(Right(), {true, Seconds(30), {Ip("10.77.1.2"), Ip("fd77:9::9")}}),
            "offers preferred IPv6 address \"[fd77:1::2]:443\", not [fd77:9::9]:443");
}

TEST(ParametersTest, AConnectionThatDidNotMoveOrMovedElsewhereIsAProblem) {
  auto seen = Right();
  seen.mutable_quic()->set_moved_to("10.77.9.9:443");
  EXPECT_EQ(Judged(seen),
            "the connection moved to \"10.77.9.9:443\", which is not the preferred address");
  seen.mutable_quic()->set_moved_to("[fd77:1::2]:443");
  EXPECT_NE(Judged(seen), "") << "of the other family";
  seen.mutable_quic()->clear_moved_to();
  seen.mutable_quic()->set_move_error("timed out after 2 s");
  EXPECT_EQ(
      Judged(seen),
      "offers a preferred address and the connection did not move there: timed out after 2 s");
  // An older prober says nothing of it.
  seen.mutable_quic()->clear_move_error();
  EXPECT_EQ(Judged(seen), "");
}

class TermsTest : public testing::Test {
 protected:
  TermsTest() {
    member_.node = *NodeName::Parse("fra1");
    member_.connected = true;
    member_.boot_id = std::string(16, 'b');
    member_.node_addresses = {Ip("10.77.1.2")};
  }
  void Prove(const IpAddress& address, bool witnessed, const types::v1::Observation& seen) {
    model::Proof proof;
    proof.subject = {member_.node, model::ProbeKind::kQuic, Host(), "", address, witnessed};
    proof.good = true;
    proof.seen = target_.expected;
    proof.boot_id = member_.boot_id;
    proof.observation = seen.SerializeAsString();
    book_[proof.subject] = proof;
  }
  Verdict Judge() { return Evaluate({member_}, {target_}, {Ip("203.0.113.10")}, book_, {}); }

  Member member_;
  model::ProofBook book_;
  const Target target_{model::ProbeKind::kQuic, Host(), "", std::string(64, 'a')};
};

TEST_F(TermsTest, LocalAndWitnessedHandshakesMustBothShowThem) {
  const model::SiteQuicByHost sites{{Host(), {true, Seconds(30), true}}};
  member_.quic = std::make_shared<const model::QuicTerms>(model::QuicTerms{
      true, kWanted.preferred_addresses, std::make_shared<const model::SiteQuicByHost>(sites)});
  auto wrong = Right();
  wrong.mutable_quic()->mutable_parameters()->set_disable_active_migration(false);
  Prove(Ip("203.0.113.10"), false, Right());
  Prove(Ip("10.77.1.2"), true, Right());
  EXPECT_TRUE(Judge().open);
  Prove(Ip("10.77.1.2"), true, wrong);
  EXPECT_EQ(Judge().missing,
            std::vector<std::string>{"fra1: QUIC certificate for www.example.test on 10.77.1.2 "
                                     "(witnessed): tells clients disable_active_migration false, "
                                     "not true"});
  Prove(Ip("203.0.113.10"), false, wrong);
  EXPECT_TRUE(Judge().ask_witness.empty());
  member_.quic.reset();
  EXPECT_TRUE(Judge().open);
}

// Its own looks say nothing of what is between it and others: what drops UDP 443 on the way.
TEST_F(TermsTest, AWitnessLooksAlsoWhereClientsAreNotToldOfTheAddress) {
  const auto sites = std::make_shared<const model::SiteQuicByHost>(
      model::SiteQuicByHost{{Host(), {true, Seconds(30), true}}});
  member_.quic = std::make_shared<const model::QuicTerms>(model::QuicTerms{true, {}, sites});
  member_.node_addresses = {Ip("10.77.1.2"), Ip("10.77.1.3")};
  auto right = Right();
  right.mutable_quic()->mutable_parameters()->clear_preferred_ipv4();
  right.mutable_quic()->mutable_parameters()->clear_preferred_ipv6();
  right.mutable_quic()->clear_moved_to();
  Prove(Ip("203.0.113.10"), false, right);
  EXPECT_EQ(Judge().ask_witness.size(), 2U);
  Prove(Ip("10.77.1.2"), true, right);
  const Verdict one_of_two = Judge();
  EXPECT_FALSE(one_of_two.open);
  ASSERT_EQ(one_of_two.ask_witness.size(), 1U);
  EXPECT_EQ(one_of_two.ask_witness[0].address, Ip("10.77.1.3"));
  Prove(Ip("10.77.1.3"), true, right);
  EXPECT_TRUE(Judge().open);
}

TEST_F(TermsTest, WhereUdp443IsClosedNobodyLooks) {
  EXPECT_FALSE(Judge().open);
  member_.quic = std::make_shared<const model::QuicTerms>(model::QuicTerms{false, {}, nullptr});
  EXPECT_TRUE(Judge().open);
  EXPECT_TRUE(Judge().ask_witness.empty());
}

}  // namespace
}  // namespace lockstep::controller::barrier
