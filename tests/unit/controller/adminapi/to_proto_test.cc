#include "controller/adminapi/to_proto.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <vector>

#include "controller/adminapi/paging.h"

namespace lockstep::controller::adminapi {
namespace {

TEST(ToProtoTest, TimesKeepTheirMicrosecondsOnBothSidesOfTheEpoch) {
  EXPECT_EQ(ToProto(FromUnixMicros(1'500'000)).seconds(), 1);
  EXPECT_EQ(ToProto(FromUnixMicros(1'500'000)).nanos(), 500'000'000);
  EXPECT_EQ(ToProto(FromUnixMicros(-1)).seconds(), -1);
  EXPECT_EQ(ToProto(FromUnixMicros(-1)).nanos(), 999'999'000);
}

// The bytes of a challenge's answer are its key authorization.
TEST(ToProtoTest, AProofNeverShowsTheKeyAuthorization) {
  model::Proof proof;
  proof.subject.node = *NodeName::Parse("fra1");
  proof.subject.kind = model::ProbeKind::kChallenge;
  types::v1::Observation seen;
  seen.set_kind(types::v1::PROBE_KIND_CHALLENGE);
  seen.mutable_http()->set_status(200);
  seen.mutable_http()->set_body_start("token.thumbprint");
  proof.observation = seen.SerializeAsString();
  const admin::v1::NodeProof out = ToProto(proof);
  EXPECT_EQ(out.observation().http().status(), 200U);
  EXPECT_EQ(out.ShortDebugString().find("thumbprint"), std::string::npos);
}

TEST(ToProtoTest, AnObservationThatDoesNotParseIsShownByItsSubject) {
  model::Proof proof;
  proof.subject = {*NodeName::Parse("fra1"),
                   model::ProbeKind::kTls,
                   *Hostname::Parse("www.example.test"),
                   "",
                   *IpAddress::Parse("203.0.113.10"),
                   false};
  proof.observer = "fra1";
  proof.problem = "timed out";
  proof.observation = "\xff\xff";
  const admin::v1::NodeProof out = ToProto(proof);
  EXPECT_EQ(out.observation().kind(), types::v1::PROBE_KIND_TLS);
  EXPECT_EQ(out.observation().host(), "www.example.test");
  EXPECT_EQ(out.observation().address(), "203.0.113.10");
  EXPECT_FALSE(out.good());
  EXPECT_EQ(out.problem(), "timed out");
}

TEST(ToProtoTest, EveryStateHasTheSameValue) {
  for (int state = 1; state <= 8; ++state) {
    model::Order order;
    order.state = static_cast<model::OrderState>(state);
    std::string expected = std::string("STATE_") + model::OrderStateName(order.state);
    for (char& c : expected) c = c == ' ' ? '_' : static_cast<char>(std::toupper(c));
    EXPECT_EQ(admin::v1::Order::State_Name(ToProto(order).state()), expected);
  }
  for (int state = 1; state <= 6; ++state) {
    model::Generation generation;
    generation.state = static_cast<model::GenerationState>(state);
    std::string expected = std::string("STATE_") + model::GenerationStateName(generation.state);
    for (char& c : expected) c = c == ' ' ? '_' : static_cast<char>(std::toupper(c));
    EXPECT_EQ(admin::v1::Generation::State_Name(ToProto(generation).state()), expected);
  }
}

TEST(ToProtoTest, ANodeThatIsAwayCountsAsAnnouncingAndSaysWhy) {
  fleet::LiveNode live;
  live.node.name = *NodeName::Parse("fra1");
  live.announce.set_state(agent::v1::AnnounceState::STATE_WITHDRAWN);
  live.announce.set_confirmed(true);
  const admin::v1::Node out = ToProto(live);
  EXPECT_TRUE(out.announcing());
  EXPECT_EQ(out.announce_evidence(), "not connected: counts as announcing");
  EXPECT_FALSE(out.has_connection_changed_at());
}

TEST(PagingTest, PagesCoverEverythingOnce) {
  const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
  std::vector<std::string> seen;
  std::string token;
  do {
    const Page page = PageOf(names, token, 2);
    for (size_t i = page.begin; i < page.end; ++i) seen.push_back(names[i]);
    token = page.next;
  } while (!token.empty());
  EXPECT_EQ(seen, names);
}

TEST(PagingTest, ATokenOfSomethingThatHasGoneGoesOnAfterIt) {
  const Page page = PageOf({"a", "c"}, "b", 10);
  EXPECT_EQ(page.begin, 1U);
  EXPECT_EQ(page.end, 2U);
  EXPECT_EQ(page.next, "");
}

}  // namespace
}  // namespace lockstep::controller::adminapi
