// The edge policy and the QUIC keys over the admin socket.
#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "common/base/encoding.h"
#include "tests/integration/admin/rig.h"

namespace lockstep::controller::adminapi {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(AdminTest, AnAppliedPolicyIsAGenerationAndComesBackAsAFile) {
  rig_.Enrol({"fra1"});
  auto hello = rig_.HelloOf("fra1");
  hello.add_capabilities("lockstep-quicd/0.1.0");
  ASSERT_TRUE(rig_.Connect("fra1", hello).ok());
  v1::ApplyPolicyRequest request;
  request.set_text("[[node]]\nname = \"fra1\"\nquic_server = \"quicd\"\n[[pop]]\nname = \"par\"\n");
  v1::ApplyPolicyResponse applied;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ApplyPolicy, request, &applied).ok());
  EXPECT_GT(applied.generation(), 0U);
  EXPECT_THAT(applied.warnings(), ElementsAre("no node is in pop par yet"));
  rig_.Settle({"fra1"});
  const agent::v1::Push push = rig_.link.PushesTo(fakes::Node("fra1")).back();
  const bool has_keys = std::ranges::any_of(
      push.upserts(), [](const auto& resource) { return resource.type() == "quic_keys"; });
  EXPECT_TRUE(has_keys);
  v1::GetPolicyResponse shown;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetPolicy, v1::GetPolicyRequest(), &shown).ok());
  request.set_text(shown.text());
  v1::ApplyPolicyResponse again;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ApplyPolicy, request, &again).ok());
  EXPECT_EQ(again.generation(), 0U);
}

TEST_F(AdminTest, ApplyingAPolicyAgainThatWasRolledBackTriesItOnceMore) {
  rig_.Enrol({"fra1"});
  auto hello = rig_.HelloOf("fra1");
  hello.add_capabilities("lockstep-quicd/0.1.0");
  ASSERT_TRUE(rig_.Connect("fra1", hello).ok());
  v1::ApplySitesResponse sites;
  ASSERT_TRUE(Apply(kSite, &sites).ok());
  rig_.Settle({"fra1"});
  v1::ApplyPolicyRequest request;
  request.set_text("[fleet]\nquic_server = \"quicd\"\n");
  v1::ApplyPolicyResponse applied;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ApplyPolicy, request, &applied).ok());
  rig_.Answer("fra1", agent::v1::Ack::OUTCOME_REJECTED, "Caddy did not come back");
  rig_.Settle({"fra1"});
  v1::ApplyPolicyResponse again;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ApplyPolicy, request, &again).ok());
  EXPECT_GT(again.generation(), applied.generation());
}

TEST_F(AdminTest, APolicyThatANodeCannotHonourIsRefusedByName) {
  rig_.Enrol({"fra1"});
  ASSERT_TRUE(rig_.Connect("fra1").ok());
  v1::ApplyPolicyRequest request;
  request.set_text("[fleet]\nquic_server = \"quicd\"\n");
  v1::ApplyPolicyResponse response;
  const grpc::Status status = Call(&v1::AdminService::Stub::ApplyPolicy, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("node fra1: quic_server = quicd"));
}

TEST_F(AdminTest, APolicyIsExplainedForANodeAndASite) {
  rig_.Enrol({"fra1"});
  v1::ApplySitesResponse sites;
  ASSERT_TRUE(Apply(kSite, &sites).ok());
  v1::ExplainPolicyRequest request;
  request.set_node("fra1");
  request.set_site("www.example.test");
  v1::ExplainPolicyResponse response;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ExplainPolicy, request, &response).ok());
  EXPECT_EQ(response.server(), "caddy");
  const auto knob = std::ranges::find(response.knobs(), "preferred_address", &v1::PolicyKnob::knob);
  ASSERT_NE(knob, response.knobs().end());
  EXPECT_FALSE(knob->enforceable());
  EXPECT_EQ(knob->offered(), "not offered");
  rig_.state.AdvanceBy(Seconds(2));
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ExplainPolicy, request, &response).ok());
  ASSERT_EQ(response.alt_svc_size(), 1);
  EXPECT_EQ(response.alt_svc(0).phase(), "silent");
  EXPECT_THAT(response.alt_svc(0).note(), HasSubstr("fra1"));
  request.set_site("nix");
  EXPECT_EQ(Call(&v1::AdminService::Stub::ExplainPolicy, request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(AdminTest, WhatIsPromisedIsShownAndSwitchedBySite) {
  rig_.Enrol({"fra1"});
  v1::ApplySitesResponse sites;
  ASSERT_TRUE(Apply(kSite, &sites).ok());
  v1::SwitchAltSvcRequest off;
  v1::SwitchAltSvcResponse switched;
  EXPECT_EQ(Call(&v1::AdminService::Stub::SwitchAltSvc, off, &switched).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  off.set_site("nix");
  EXPECT_EQ(Call(&v1::AdminService::Stub::SwitchAltSvc, off, &switched).error_code(),
            grpc::StatusCode::NOT_FOUND);
  off.set_site("www.example.test");
  ASSERT_TRUE(Call(&v1::AdminService::Stub::SwitchAltSvc, off, &switched).ok());
  EXPECT_THAT(switched.sites(), ElementsAre("www.example.test"));
  EXPECT_EQ(switched.generation(), 0u) << "nothing was promised yet";
  v1::GetAltSvcRequest request;
  v1::GetAltSvcResponse shown;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetAltSvc, request, &shown).ok());
  ASSERT_EQ(shown.sites_size(), 1);
  EXPECT_EQ(shown.sites(0).phase(), "silent");
  EXPECT_TRUE(shown.sites(0).switched_off());
  EXPECT_EQ(shown.sites(0).note(), "an operator has switched it off");
  request.set_site("nix");
  EXPECT_EQ(Call(&v1::AdminService::Stub::GetAltSvc, request, &shown).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(AdminTest, ASiteIsLintedAndWhatWasNotLookedAtIsSaid) {
  v1::LintSitesRequest request;
  v1::LintSitesResponse response;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::LintSites, request, &response).ok());
  EXPECT_EQ(response.sites_size(), 0);
  v1::ApplySitesResponse sites;
  ASSERT_TRUE(Apply(kSite, &sites).ok());
  ASSERT_TRUE(Call(&v1::AdminService::Stub::LintSites, request, &response).ok());
  ASSERT_EQ(response.sites_size(), 1);
  EXPECT_EQ(response.sites(0).site(), "www.example.test");
  EXPECT_EQ(response.sites(0).findings_size(), 0);
  ASSERT_EQ(response.sites(0).looked_at_size(), 1);
  EXPECT_EQ(response.sites(0).looked_at(0).extent(), "nothing is promised");
  EXPECT_THAT(response.sites(0).not_looked_at(),
              Contains(HasSubstr("HTTPS records of www.example.test: ")));
  request.set_site("nix");
  EXPECT_EQ(Call(&v1::AdminService::Stub::LintSites, request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(AdminTest, QuicKeysAreShownByFingerprintAlone) {
  v1::GetQuicKeysResponse shown;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetQuicKeys, v1::GetQuicKeysRequest(), &shown).ok());
  EXPECT_EQ(shown.keys_size(), 4);
  const std::string bytes = shown.SerializeAsString();
  EXPECT_EQ(bytes.find(key_ring_.keys().ticket_current.bytes), std::string::npos);
  EXPECT_EQ(bytes.find(HexEncode(key_ring_.keys().connection_id.bytes)), std::string::npos);
  for (const v1::QuicKey& key : shown.keys()) EXPECT_EQ(key.fingerprint().size(), 16U);
  v1::RotateQuicKeysResponse rotated;
  EXPECT_EQ(Call(&v1::AdminService::Stub::RotateQuicKeys, v1::RotateQuicKeysRequest(), &rotated)
                .error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
}

}  // namespace
}  // namespace lockstep::controller::adminapi
