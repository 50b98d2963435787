#include "controller/hookapi/hook_service.h"

#include <gtest/gtest.h>

namespace lockstep::controller::hookapi {
namespace {

const OrderId kOrder = *OrderId::Parse("o-0123456789abcdef");
const std::string kThumbprint(43, 't');
constexpr char kToken[] = "token-of-sixteen-or-more";

types::v1::Challenge& Add(hook::v1::PerformRequest& request, const std::string& host,
                          const std::string& token = kToken) {
  types::v1::Challenge& challenge = *request.add_challenges();
  challenge.set_host(host);
  challenge.set_token(token);
  challenge.set_key_authorization(token + "." + kThumbprint);
  return challenge;
}

TEST(HookServiceTest, ReadsChallengesAndIgnoresTheirOrderField) {
  hook::v1::PerformRequest request;
  Add(request, "www.example.test").set_order("o-ffffffffffffffff");
  const auto challenges = ReadChallenges(kOrder, request);
  ASSERT_TRUE(challenges.ok()) << challenges.status();
  ASSERT_EQ(challenges->size(), 1U);
  EXPECT_EQ((*challenges)[0].order, kOrder);
  EXPECT_EQ((*challenges)[0].host.ascii(), "www.example.test");
  EXPECT_EQ((*challenges)[0].key_authorization, std::string(kToken) + "." + kThumbprint);
}

TEST(HookServiceTest, NamesEveryFieldThatIsWrong) {
  hook::v1::PerformRequest request;
  Add(request, "*.example.test");
  Add(request, "www.example.test", "../../etc/passwd");
  Add(request, "www.example.test").set_key_authorization("secret words");
  Add(request, "www.example.test");
  Add(request, "www.example.test");
  const Status status = ReadChallenges(kOrder, request).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("challenges[0].host: "), std::string::npos) << status;
  EXPECT_NE(status.message().find("\nchallenges[1].token: "), std::string::npos) << status;
  EXPECT_NE(status.message().find("\nchallenges[2].key_authorization: must be the token, a dot and "
                                  "the account key's thumbprint"),
            std::string::npos)
      << status;
  EXPECT_NE(status.message().find("\nchallenges[4]: is there twice"), std::string::npos) << status;
  EXPECT_EQ(status.message().find("secret words"), std::string::npos);
}

TEST(HookServiceTest, RefusesAKeyAuthorizationThatIsNotExact) {
  for (const std::string& text :
       {std::string(), std::string(kToken), std::string(kToken) + "." + std::string(42, 't'),
        std::string(kToken) + "." + std::string(44, 't'),
        std::string(kToken) + "." + std::string(42, 't') + "\n",
        "other-token-of-sixteen." + kThumbprint}) {
    hook::v1::PerformRequest request;
    Add(request, "www.example.test").set_key_authorization(text);
    EXPECT_FALSE(ReadChallenges(kOrder, request).ok()) << text;
  }
}

TEST(HookServiceTest, RefusesNoneAndTooMany) {
  hook::v1::PerformRequest request;
  EXPECT_EQ(ReadChallenges(kOrder, request).status(),
            InvalidArgument("challenges: must be 1 to 100, are 0"));
  for (int i = 0; i < 101; ++i) Add(request, "h" + std::to_string(i) + ".example.test");
  EXPECT_EQ(ReadChallenges(kOrder, request).status(),
            InvalidArgument("challenges: must be 1 to 100, are 101"));
}

}  // namespace
}  // namespace lockstep::controller::hookapi
