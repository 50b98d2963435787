#include "controller/fleet/enrollment.h"

#include <gtest/gtest.h>

#include <optional>

#include "common/crypto/issue.h"
#include "controller/identity/join_token.h"
#include "tests/fakes/fleet_rig.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::fleet {
namespace {

using fakes::Node;

class EnrollmentTest : public ::testing::Test {
 protected:
  EnrollmentTest()
      : ca_(*identity::FleetCa::Create(directory_ / "ca", "test", rig_.clock.Now())),
        enrollment_(ca_, rig_.database, rig_.state, rig_.fleet, rig_.journal) {
    rig_.fleet.Load({}, {}, {1, std::string(16, 'e')});
  }
  identity::JoinToken MakeToken(const std::string& node, Micros lifetime = Micros(0)) {
    std::optional<Result<Enrollment::NewToken>> made;
    enrollment_.CreateToken(Node(node), *PopName::Parse("ams"), lifetime,
                            [&](Result<Enrollment::NewToken> token) { made = std::move(token); });
    rig_.state.RunAll();
    LS_CHECK(made && made->ok());
    return *identity::JoinToken::Parse((*made)->text);
  }
  static std::string CsrOf(const crypto::PrivateKey& key) { return crypto::MakeCsr(key, "ams1"); }
  Result<Enrollment::Identity> Enroll(const std::string& node, const identity::JoinToken& token,
                                      const std::string& csr) {
    std::optional<Result<Enrollment::Identity>> out;
    enrollment_.Enroll(Node(node), token.id, std::string(token.secret.Reveal()), csr,
                       [&](Result<Enrollment::Identity> identity) { out = std::move(identity); });
    rig_.state.RunAll();
    LS_CHECK(out.has_value());
    return *std::move(out);
  }

  fakes::FleetRig rig_;
  fakes::TempDirectory directory_;
  identity::FleetCa ca_;
  Enrollment enrollment_;
};

TEST_F(EnrollmentTest, ATokenMakesANodeOfTheFleet) {
  const auto token = MakeToken("ams1");
  const auto identity = Enroll("ams1", token, CsrOf(crypto::PrivateKey::GenerateP256()));
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->pop.str(), "ams");
  EXPECT_EQ(identity->not_after - rig_.clock.Now(), identity::kNodeIdentityLifetime);
  ASSERT_NE(rig_.fleet.Find(Node("ams1")), nullptr);
  EXPECT_TRUE(rig_.Connect("ams1").ok());
}

TEST_F(EnrollmentTest, AHundredKeysAtOnceGetOneIdentity) {
  const auto token = MakeToken("ams1");
  std::vector<std::string> requests;
  for (int i = 0; i < 100; ++i) requests.push_back(CsrOf(crypto::PrivateKey::GenerateP256()));
  int issued = 0;
  std::vector<std::string> refusals;
  for (const std::string& csr : requests) {
    enrollment_.Enroll(Node("ams1"), token.id, std::string(token.secret.Reveal()), csr,
                       [&](const Result<Enrollment::Identity>& identity) {
                         if (identity.ok()) {
                           ++issued;
                         } else {
                           refusals.push_back(identity.status().message());
                         }
                       });
  }
  rig_.state.RunAll();
  EXPECT_EQ(issued, 1);
  EXPECT_EQ(refusals,
            std::vector<std::string>(99, "join token was used by another key: create a new one"));
  EXPECT_EQ(rig_.fleet.nodes().size(), 1u);
}

TEST_F(EnrollmentTest, TheSameKeyMayAskAgain) {
  const auto token = MakeToken("ams1");
  const std::string csr = CsrOf(crypto::PrivateKey::GenerateP256());
  EXPECT_TRUE(Enroll("ams1", token, csr).ok());
  EXPECT_TRUE(Enroll("ams1", token, csr).ok());
  EXPECT_EQ(rig_.fleet.nodes().size(), 1u);
}

TEST_F(EnrollmentTest, ABannedNodeGetsNothingForItsToken) {
  const auto token = MakeToken("ams1");
  const std::string csr = CsrOf(crypto::PrivateKey::GenerateP256());
  ASSERT_TRUE(Enroll("ams1", token, csr).ok());
  rig_.fleet.Ban(Node("ams1"), "stolen", [](const Status&) {});
  rig_.state.RunAll();
  EXPECT_EQ(Enroll("ams1", token, csr).status().code(), Code::kPermissionDenied);
}

TEST_F(EnrollmentTest, AnExpiredTokenIsRefused) {
  const auto token = MakeToken("ams1", Seconds(5));
  rig_.clock.Advance(Seconds(5));
  EXPECT_EQ(Enroll("ams1", token, CsrOf(crypto::PrivateKey::GenerateP256())).status().message(),
            "join token has expired: create a new one");
}

TEST_F(EnrollmentTest, ARevokedTokenIsRefused) {
  const auto token = MakeToken("ams1");
  enrollment_.RevokeToken(token.id, [](const Status& status) { EXPECT_TRUE(status.ok()); });
  rig_.state.RunAll();
  EXPECT_EQ(Enroll("ams1", token, CsrOf(crypto::PrivateKey::GenerateP256())).status().message(),
            "join token was revoked");
}

TEST_F(EnrollmentTest, AWrongSecretAndAnUnknownIdAreToldApartByNobody) {
  auto token = MakeToken("ams1");
  const std::string csr = CsrOf(crypto::PrivateKey::GenerateP256());
  token.secret = crypto::Secret("wrong");
  const Status wrong = Enroll("ams1", token, csr).status();
  token.id = std::string(16, '0');
  const Status unknown = Enroll("ams1", token, csr).status();
  EXPECT_EQ(wrong.ToString(), unknown.ToString());
  EXPECT_EQ(wrong.message(), "join token is not one of this fleet");
}

TEST_F(EnrollmentTest, ATokenIsBoundToItsName) {
  const auto token = MakeToken("ams1");
  EXPECT_EQ(Enroll("fra1", token, CsrOf(crypto::PrivateKey::GenerateP256())).status().message(),
            "the token was made for another node name");
}

TEST_F(EnrollmentTest, NoTokenForANodeThatIsThere) {
  ASSERT_TRUE(Enroll("ams1", MakeToken("ams1"), CsrOf(crypto::PrivateKey::GenerateP256())).ok());
  Status refused;
  enrollment_.CreateToken(
      Node("ams1"), *PopName::Parse("ams"), Micros(0),
      [&](const Result<Enrollment::NewToken>& token) { refused = token.status(); });
  EXPECT_EQ(refused.message(), "node ams1 is enrolled; ban and remove it before it can join again");
}

TEST_F(EnrollmentTest, ATokenLivesBetweenASecondAndADay) {
  for (const Micros lifetime : {Micros(1), Micros(std::chrono::hours(25))}) {
    Status refused;
    enrollment_.CreateToken(
        Node("ams1"), *PopName::Parse("ams"), lifetime,
        [&](const Result<Enrollment::NewToken>& token) { refused = token.status(); });
    EXPECT_EQ(refused.message(), "a token's lifetime must be between 1 s and 24 h");
  }
}

TEST_F(EnrollmentTest, RenewsForANodeOfTheFleetAlone) {
  std::optional<Result<Enrollment::Identity>> out;
  const auto take = [&](Result<Enrollment::Identity> identity) { out = std::move(identity); };
  const std::string csr = CsrOf(crypto::PrivateKey::GenerateP256());
  enrollment_.Renew(Node("ams1"), csr, take);
  EXPECT_EQ(out->status().code(), Code::kPermissionDenied);
  ASSERT_TRUE(Enroll("ams1", MakeToken("ams1"), CsrOf(crypto::PrivateKey::GenerateP256())).ok());
  rig_.clock.Advance(std::chrono::hours(24));
  enrollment_.Renew(Node("ams1"), csr, take);
  rig_.state.RunAll();
  ASSERT_TRUE(out->ok());
  EXPECT_EQ((*out)->not_after - rig_.clock.Now(), identity::kNodeIdentityLifetime);
  rig_.fleet.Ban(Node("ams1"), "", [](const Status&) {});
  enrollment_.Renew(Node("ams1"), csr, take);
  EXPECT_EQ(out->status().message(), "node ams1 is banned");
}

}  // namespace
}  // namespace lockstep::controller::fleet
