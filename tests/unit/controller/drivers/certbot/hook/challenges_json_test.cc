#include "controller/drivers/certbot/hook/challenges_json.h"

#include <gtest/gtest.h>

namespace lockstep::controller::drivers::certbot {
namespace {

TEST(ChallengesJsonTest, ReadsWhatThePluginWrites) {
  hook::v1::PerformRequest request;
  ASSERT_EQ(ReadChallenges(R"({"challenges": [
      {"host": "a.example", "token": "t1", "key_authorization": "t1.x"},
      {"host": "b.example", "token": "t2", "key_authorization": "t2.x"}]})",
                           &request),
            Status::Ok());
  ASSERT_EQ(request.challenges_size(), 2);
  EXPECT_EQ(request.challenges(1).host(), "b.example");
  EXPECT_EQ(request.challenges(1).token(), "t2");
  EXPECT_EQ(request.challenges(1).key_authorization(), "t2.x");
}

TEST(ChallengesJsonTest, AnythingElseIsRefusedWithoutBeingQuoted) {
  for (const char* json :
       {"", "hush", "[]", "{}", R"({"challenges": "hush"})", R"({"challenges": ["hush"]})",
        R"({"challenges": [{"host": "hush", "token": "hush"}]})",
        R"({"challenges": [{"host": "a", "token": 1, "key_authorization": "hush"}]})",
        "{\"challenges\": [{\"host\": \"\xff\"}]}"}) {
    hook::v1::PerformRequest request;
    const Status status = ReadChallenges(json, &request);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << json;
    EXPECT_EQ(status.message().find("hush"), std::string::npos);
  }
}

}  // namespace
}  // namespace lockstep::controller::drivers::certbot
