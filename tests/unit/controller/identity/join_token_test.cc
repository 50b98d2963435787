#include "controller/identity/join_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"
#include "tests/fakes/fake_clock.h"

namespace lockstep::controller::identity {
namespace {

using ::testing::HasSubstr;

class JoinTokenTest : public ::testing::Test {
 protected:
  NewTokenResult Make() {
    return NewToken(NodeName::Parse("fra1").value(), PopName::Parse("fra").value(), pin_,
                    clock_.Now());
  }
  static std::string Text(const NewTokenResult& made) {
    return std::string(made.token.Render().Reveal());
  }

  fakes::FakeClock clock_;
  std::string pin_ = Base64UrlEncode(crypto::Sha256("the CA's key"));
};

TEST_F(JoinTokenTest, SurvivesItsTextForm) {
  const NewTokenResult made = Make();
  const Result<JoinToken> read = JoinToken::Parse(Text(made));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->node, made.token.node);
  EXPECT_EQ(read->id, made.token.id);
  EXPECT_TRUE(read->secret == made.token.secret);
  EXPECT_EQ(read->ca_pin, pin_);
}

TEST_F(JoinTokenTest, IsAnotherOneEachTime) {
  std::set<std::string> secrets;
  for (int i = 0; i < 100; ++i) secrets.insert(std::string(Make().token.secret.Reveal()));
  EXPECT_EQ(secrets.size(), 100u);
  EXPECT_GE(Base64UrlDecode(*secrets.begin())->size() * 8, 128u);
}

TEST_F(JoinTokenTest, IsStoredWithoutItsSecret) {
  const NewTokenResult made = Make();
  const std::string secret(made.token.secret.Reveal());
  const model::JoinToken& record = made.record;
  EXPECT_EQ(record.secret_sha256, crypto::Sha256(secret));
  EXPECT_EQ(record.id.find(secret), std::string::npos);
  EXPECT_EQ(record.expires_at - record.created_at, std::chrono::minutes(10));
  EXPECT_FALSE(record.used_by_spki_sha256.has_value());
}

TEST_F(JoinTokenTest, IsNeverQuotedInAnError) {
  const NewTokenResult made = Make();
  const std::string secret(made.token.secret.Reveal());
  for (const std::string& text :
       {Text(made) + "x", "x" + Text(made), Text(made) + ".", Text(made).substr(4)}) {
    const Status status = JoinToken::Parse(text).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_EQ(status.message().find(secret), std::string::npos);
  }
}

TEST_F(JoinTokenTest, IsRefusedWhenMalformed) {
  const std::string id(16, 'a');
  const std::string secret = Base64UrlEncode(std::string(24, 's'));
  const std::string good = "ls1.fra1." + id + "." + secret + "." + pin_;
  ASSERT_TRUE(JoinToken::Parse(good).ok());
  for (const std::string& text : std::vector<std::string>{
           "", "....", "ls2.fra1." + id + "." + secret + "." + pin_,
           "ls1.FRA1." + id + "." + secret + "." + pin_, "ls1.fra1.short." + secret + "." + pin_,
           "ls1.fra1." + std::string(16, 'A') + "." + secret + "." + pin_,
           "ls1.fra1." + id + ".AAAA." + pin_, "ls1.fra1." + id + "." + secret + ".AAAA",
           "ls1.fra1." + id + "." + secret, good + "\n", " " + good, std::string(5000, '.')}) {
    EXPECT_FALSE(JoinToken::Parse(text).ok()) << text;
  }
}

TEST_F(JoinTokenTest, ParsesToItselfOrNotAtAll) {
  const std::string text = Text(Make());
  EXPECT_TRUE(rc::check("one changed byte", [&] {
    std::string bent = text;
    bent[*rc::gen::inRange<size_t>(0, bent.size())] = *rc::gen::arbitrary<char>();
    const Result<JoinToken> read = JoinToken::Parse(bent);
    if (read.ok()) RC_ASSERT(read->Render().Reveal() == bent);
  }));
  EXPECT_TRUE(rc::check("any text", [](const std::string& any) {
    const Result<JoinToken> read = JoinToken::Parse(any);
    if (read.ok()) RC_ASSERT(read->Render().Reveal() == any);
  }));
}

class RedeemTest : public JoinTokenTest {
 protected:
  Redemption Ask(const std::string& key) {
    return Redeem(&made_.record, made_.token.secret.Reveal(), key, clock_.Now());
  }
  NewTokenResult made_ = Make();
};

TEST_F(RedeemTest, IssuesOnceToOneKey) {
  EXPECT_EQ(Ask("key a"), Redemption::kIssue);
  made_.record.used_by_spki_sha256 = "key a";
  EXPECT_EQ(Ask("key b"), Redemption::kAlreadyUsedByAnotherKey);
}

TEST_F(RedeemTest, IssuesAgainToTheSameKeySoThatALostReplyBurnsNothing) {
  made_.record.used_by_spki_sha256 = "key a";
  clock_.Advance(std::chrono::minutes(9));
  EXPECT_EQ(Ask("key a"), Redemption::kIssue);
}

TEST_F(RedeemTest, EndsAfterTenMinutesForEverybody) {
  made_.record.used_by_spki_sha256 = "key a";
  clock_.Advance(std::chrono::minutes(10));
  EXPECT_EQ(Ask("key a"), Redemption::kExpired);
  EXPECT_EQ(Ask("key b"), Redemption::kExpired);
}

TEST_F(RedeemTest, EndsWhenRevoked) {
  made_.record.revoked = true;
  EXPECT_EQ(Ask("key a"), Redemption::kRevoked);
}

TEST_F(RedeemTest, TellsNothingWithoutTheSecret) {
  made_.record.revoked = true;
  made_.record.used_by_spki_sha256 = "key a";
  clock_.Advance(std::chrono::hours(1));
  EXPECT_EQ(Redeem(&made_.record, "guess", "key a", clock_.Now()), Redemption::kWrong);
  EXPECT_EQ(Redeem(nullptr, "guess", "key a", clock_.Now()), Redemption::kUnknown);
  EXPECT_EQ(ToStatus(Redemption::kWrong), ToStatus(Redemption::kUnknown));
}

TEST_F(RedeemTest, SaysEachRefusalInItsOwnCode) {
  EXPECT_EQ(ToStatus(Redemption::kIssue), Status::Ok());
  EXPECT_EQ(ToStatus(Redemption::kAlreadyUsedByAnotherKey).code(), Code::kAlreadyExists);
  EXPECT_EQ(ToStatus(Redemption::kExpired).code(), Code::kUnauthenticated);
  EXPECT_EQ(ToStatus(Redemption::kRevoked).code(), Code::kUnauthenticated);
  EXPECT_EQ(ToStatus(Redemption::kWrong).code(), Code::kUnauthenticated);
}

// Whatever comes in whatever order: exactly one key is ever given an identity.
TEST_F(RedeemTest, GivesOneIdentityHoweverManyAsk) {
  EXPECT_TRUE(rc::check("a history of requests", [&] {
    fakes::FakeClock clock;
    NewTokenResult made = Make();
    std::set<std::string> issued;
    const int requests = *rc::gen::inRange(1, 60);
    for (int i = 0; i < requests; ++i) {
      clock.Advance(Seconds(*rc::gen::inRange(0, 60)));
      if (*rc::gen::inRange(0, 40) == 0) made.record.revoked = true;
      const std::string key = "key " + std::to_string(*rc::gen::inRange(0, 5));
      const bool knows = *rc::gen::inRange(0, 4) != 0;
      const std::string secret = knows ? std::string(made.token.secret.Reveal()) : "guess";
      if (Redeem(&made.record, secret, key, clock.Now()) != Redemption::kIssue) continue;
      RC_ASSERT(knows);
      RC_ASSERT(!made.record.revoked);
      RC_ASSERT(clock.Now() < made.record.expires_at);
      made.record.used_by_spki_sha256 = key;
      issued.insert(key);
    }
    RC_ASSERT(issued.size() <= 1u);
  }));
}

}  // namespace
}  // namespace lockstep::controller::identity
