#include "controller/drivers/certbot/account.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/temp_directory.h"

namespace lockstep::controller::drivers::certbot {
namespace {

// The example of RFC 7638 §3.1.
constexpr char kRfcKey[] =
    R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFF)"
    R"(xuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65)"
    R"(YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhA)"
    R"(I4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB",)"
    R"("alg":"RS256","kid":"2011-04-29"})";

TEST(AccountTest, ThumbprintIsThatOfRfc7638) {
  EXPECT_EQ(*Thumbprint(kRfcKey), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST(AccountTest, PrivateAndUnknownMembersDoNotCount) {
  const std::string key = R"({"kty":"EC","crv":"P-256","x":"eA","y":"eQ"})";
  const std::string more = R"({"y":"eQ", "d":"c2VjcmV0", "x":"eA", "kty":"EC", "crv":"P-256"})";
  EXPECT_EQ(*Thumbprint(key), *Thumbprint(more));
}

TEST(AccountTest, KeysThatAreNoneAreRefusedWithoutBeingQuoted) {
  for (const char* key :
       {"", "[]", "{}", R"({"kty":"RSA","d":"hush"})", R"({"kty":"oct","k":"hush"})",
        R"({"kty":1,"n":"hush"})", R"({"kty":"RSA","n":["hush"],"e":"AQAB"})"}) {
    const Status status = Thumbprint(key).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << key;
    EXPECT_EQ(status.message().find("hush"), std::string::npos);
  }
}

TEST(AccountTest, ServerPathIsCertbots) {
  EXPECT_EQ(ServerPath("https://acme-v02.api.letsencrypt.org/directory"),
            "acme-v02.api.letsencrypt.org/directory");
  EXPECT_EQ(ServerPath("https://localhost:14000/dir"), "localhost:14000/dir");
}

class AccountsTest : public testing::Test {
 protected:
  void Write(const std::string& id, const std::string& file, const std::string& text) {
    const std::string directory = directory_ / ("localhost:14000/dir/" + id);
    std::filesystem::create_directories(directory);
    std::ofstream(directory + "/" + file) << text;
  }
  void WriteAll(const std::string& id) {
    Write(id, "private_key.json", kRfcKey);
    Write(id, "regr.json", "{}");
    Write(id, "meta.json", "{}");
  }
  std::optional<Account> Find(const std::string& server = "https://localhost:14000/dir") {
    return FindAccount(directory_.path(), server).value();
  }
  fakes::TempDirectory directory_;
};

TEST_F(AccountsTest, TheAccountOfACaIsFound) {
  EXPECT_FALSE(Find().has_value());
  WriteAll("6a5a1289a9c5cc5f41618502e1881ed9");
  const auto account = Find();
  ASSERT_TRUE(account.has_value());
  EXPECT_EQ(account->id, "6a5a1289a9c5cc5f41618502e1881ed9");
  EXPECT_EQ(account->thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  EXPECT_FALSE(Find("https://other.example/dir").has_value());
}

TEST_F(AccountsTest, AHalfWrittenOneIsNone) {
  Write("aa", "private_key.json", kRfcKey);
  WriteAll("bb");
  Write("bb", "regr.json", "{\"body\":");
  EXPECT_FALSE(Find().has_value());
  WriteAll("cc");
  EXPECT_EQ(Find()->id, "cc");
}

}  // namespace
}  // namespace lockstep::controller::drivers::certbot
