#include "controller/promises/sights.h"

#include <gtest/gtest.h>

#include "tests/fakes/fleet_rig.h"

namespace lockstep::controller::promises {
namespace {

using fakes::Ip;

size_t LooksWith(model::QuicTermsPtr terms) {
  fleet::LiveNode live;
  live.node.name = fakes::Node("fra1");
  live.node.addresses = {Ip("10.77.0.1"), Ip("fd77::1")};
  live.quic = std::move(terms);
  return WitnessedHttp3(live, fakes::Host("www.example.test")).size();
}

TEST(SightsTest, NobodyIsSentToLookWhereNobodyListens) {
  EXPECT_EQ(LooksWith(nullptr), 2u);
  const auto terms = [](bool is_served) {
    return std::make_shared<const model::QuicTerms>(model::QuicTerms{is_served, {}, nullptr});
  };
  EXPECT_EQ(LooksWith(terms(true)), 2u) << "offered to clients or not";
  EXPECT_EQ(LooksWith(terms(false)), 0u);
}

}  // namespace
}  // namespace lockstep::controller::promises
