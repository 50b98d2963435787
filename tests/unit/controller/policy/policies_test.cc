#include "controller/policy/policies.h"

#include <gtest/gtest.h>

#include "tests/fakes/manual_executor.h"
#include "tests/fakes/memory_stores.h"
#include "tests/unit/controller/policy/rig.h"

namespace lockstep::controller::policy {
namespace {

class PoliciesTest : public testing::Test {
 protected:
  PoliciesTest() {
    policies_.Serve([] { return TwoNodes(); },
                    [this](const std::string& cause) { causes_.push_back(cause); });
  }
  Result<Applied> Apply(const std::string& text) {
    Result<Applied> out = Unknown("not answered");
    policies_.Apply({text, "policy.toml"}, [&](Result<Applied> applied) { out = applied; });
    state_.RunAll();
    return out;
  }
  std::string Stored() {
    std::string out;
    const Status read = database_.RunNow([&](store::Stores& stores) -> Status {
      LS_ASSIGN_OR_RETURN(const auto policy, stores.policy.Find());
      out = policy ? policy->text : "";
      return Status::Ok();
    });
    EXPECT_TRUE(read.ok());
    return out;
  }

  fakes::FakeClock clock_;
  fakes::ManualExecutor state_{clock_};
  fakes::MemoryBackend backend_;
  store::Database database_{backend_, state_};
  Policies policies_{database_, state_, {}, std::nullopt};
  std::vector<std::string> causes_;
};

constexpr char kNone[] = "[fleet]\nquic_server = \"none\"\n";

TEST_F(PoliciesTest, AnAppliedPolicyIsStoredAndTold) {
  const auto applied = Apply(kNone);
  ASSERT_TRUE(applied.ok());
  EXPECT_TRUE(applied->changed);
  EXPECT_EQ(Stored(), kNone);
  EXPECT_EQ(causes_, std::vector<std::string>{"edge policy applied"});
  EXPECT_EQ(policies_.policy().fleet.quic_server, model::QuicServer::kNone);
  EXPECT_EQ(policies_.applied_at(), clock_.Now());
}

TEST_F(PoliciesTest, WhatBreaksAPromiseIsRefusedUnlessForced) {
  policies_.CheckPromises([](const model::EdgePolicy& wanted) {
    return wanted.fleet.quic_server == model::QuicServer::kNone
               ? std::vector<Breach>{{"clients may hold it", "they go on trying it"}}
               : std::vector<Breach>();
  });
  const auto refused = Apply(kNone);
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(refused.status().message(), "clients may hold it");
  EXPECT_EQ(Stored(), "");
  Result<Applied> forced = Unknown("not answered");
  policies_.Apply({kNone, "policy.toml", true}, [&](Result<Applied> applied) { forced = applied; });
  state_.RunAll();
  ASSERT_TRUE(forced.ok());
  EXPECT_EQ(forced->warnings, std::vector<std::string>{"they go on trying it"});
  EXPECT_EQ(Stored(), kNone);
}

TEST_F(PoliciesTest, TheSameAgainChangesNothing) {
  ASSERT_TRUE(Apply(kNone).ok());
  EXPECT_FALSE(Apply(std::string("# the same in other words\n") + kNone)->changed);
  EXPECT_EQ(causes_.size(), 1u);
}

TEST_F(PoliciesTest, AFileTakesThePlaceOfTheWholePolicy) {
  ASSERT_TRUE(Apply(kNone).ok());
  ASSERT_TRUE(Apply("[[site]]\nname = \"www\"\npreferred_address = false\n").ok());
  EXPECT_EQ(policies_.policy().fleet, model::EdgeSettings());
}

TEST_F(PoliciesTest, WhatIsRefusedLeavesEverythingAsItWas) {
  ASSERT_TRUE(Apply(kNone).ok());
  EXPECT_EQ(Apply("[fleet]\nquic_server = \"caddie\"\n").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Apply("[fleet]\nquic_server = \"quicd\"\n").status().code(), Code::kFailedPrecondition);
  backend_.FailNextCommit(ResourceExhausted("the disk is full"));
  EXPECT_EQ(Apply("").status().code(), Code::kResourceExhausted);
  EXPECT_EQ(Stored(), kNone);
  EXPECT_EQ(policies_.policy().fleet.quic_server, model::QuicServer::kNone);
  EXPECT_EQ(causes_.size(), 1u);
  EXPECT_TRUE(Apply("")->changed);
}

}  // namespace
}  // namespace lockstep::controller::policy
