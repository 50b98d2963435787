// Joining: the pin before the token, a lost reply, the daily renewal.
#include <gtest/gtest.h>

#include "agent/session/enrolling.h"
#include "agent/session/renewal.h"
#include "tests/integration/agent_session/rig.h"

namespace lockstep::agent::app {
namespace {

using ::testing::HasSubstr;

class EnrollmentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    rig.StartController();
    auto opened = state::IdentityStore::Open(rig.directory / "identity");
    ASSERT_TRUE(opened.ok());
    store.emplace(*std::move(opened));
  }
  state::JoinToken Token(const std::string& pin) {
    auto token = state::JoinToken::Parse("ls1.fra1.0123456789abcdef." +
                                         std::string(ScriptedDomain::kSecret) + "." + pin);
    EXPECT_TRUE(token.ok()) << token.status();
    return *std::move(token);
  }
  std::string RightPin() {
    return Base64UrlEncode(rig.publisher.ca().SubjectPublicKey()->SpkiSha256());
  }
  Result<state::Identity> Enroll(const std::string& pin) {
    return session::Enroll({rig.enrollment, "lockstep-controller"}, Token(pin), *store,
                           Clock::System());
  }
  Rig rig;
  std::optional<state::IdentityStore> store;
};

TEST_F(EnrollmentTest, ATokenBecomesAnIdentity) {
  const auto identity = Enroll(RightPin());
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->node.str(), "fra1");
  EXPECT_TRUE(store->Get().ok());
}

TEST_F(EnrollmentTest, TheTokenIsNotSentToWhoHasAnotherCa) {
  const auto identity = Enroll(Base64UrlEncode(crypto::Sha256("another ca")));
  EXPECT_EQ(identity.status().code(), Code::kPermissionDenied);
  EXPECT_THAT(identity.status().message(), HasSubstr("the token was not sent"));
  EXPECT_EQ(rig.domain.enrolments, 0);
  EXPECT_EQ(store->Get().status().code(), Code::kNotFound);
}

TEST_F(EnrollmentTest, ALostReplyIsAskedForAgainWithTheSameKey) {
  rig.domain.lose_replies = true;
  EXPECT_EQ(Enroll(RightPin()).status().code(), Code::kUnavailable);
  const std::string key = store->EnrollmentKey()->SpkiSha256();
  const auto identity = Enroll(RightPin());
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->certificate.SubjectPublicKey()->SpkiSha256(), key);
}

TEST_F(EnrollmentTest, ADayOldIdentityIsRenewedWithoutDroppingTheStream) {
  rig.GiveIdentity(Clock::System().Now() - std::chrono::hours(23));
  rig.StartAgent();
  rig.domain.WaitForHello(1);
  EXPECT_EQ(rig.domain.renewals, 0);
  rig.agent.reset();
  rig.GiveIdentity(Clock::System().Now() - std::chrono::hours(25));
  auto held = state::IdentityStore::Open(rig.directory / "agent/identity");
  const std::string before = held->Get()->certificate.SerialHex();
  rig.StartAgent();
  rig.domain.WaitForHello(2);
  for (int i = 0; i < 1000 && held->Get()->certificate.SerialHex() == before; ++i) {
    std::this_thread::sleep_for(Millis(5));
  }
  EXPECT_NE(held->Get()->certificate.SerialHex(), before);
  EXPECT_EQ(rig.domain.renewals, 1);
  const v1::Push push = rig.publisher.MakePush(rig.publisher.MakeSnapshot({{}}), 1);
  rig.Push(push);
  EXPECT_EQ(rig.domain.WaitForAck(push.push_id()).outcome(), v1::Ack::OUTCOME_APPLIED);
  EXPECT_EQ(rig.domain.closed, 1);  // of the agent that was stopped, no other
}

}  // namespace
}  // namespace lockstep::agent::app
