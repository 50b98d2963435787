// The admin client against a server that is no Caddy: what it sends, and that nothing hurts it.
#include "agent/drivers/caddy/admin_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/temp_directory.h"
#include "tests/integration/agent_caddy/unix_server.h"

namespace lockstep::agent::drivers::caddy {
namespace {

using ::testing::HasSubstr;

class AdminClientTest : public ::testing::Test {
 protected:
  AdminClient Client() {
    return AdminClient::OverUnixSocket(path_, {Millis(200), Millis(300), 1000});
  }
  Status LoadAt(UnixServer::AnswerTo answer, const std::string& config = "{}") {
    const UnixServer server(path_, std::move(answer));
    Status loaded = Client().Load(config);
    requests_ = server.requests();
    return loaded;
  }
  Result<std::string> GetFrom(const std::string& answer) {
    const UnixServer server(path_, [&](const std::string&) { return answer; });
    return Client().GetConfig("/apps");
  }

  fakes::TempDirectory directory_;
  std::string path_ = directory_ / "admin.sock";
  std::vector<std::string> requests_;
};

TEST_F(AdminClientTest, SendsAnEmptyHostAndJsonWithoutWaitingForLeave) {
  const std::string config(100'000, 'x');
  ASSERT_EQ(LoadAt([](const std::string&) { return HttpText(200, ""); }, config), Status::Ok());
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_THAT(requests_[0], HasSubstr("POST /load HTTP/1.1\r\n"));
  EXPECT_THAT(requests_[0], HasSubstr("Host:\r\n"));
  EXPECT_THAT(requests_[0], HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(requests_[0], Not(HasSubstr("Expect")));
  EXPECT_TRUE(requests_[0].ends_with(config));
}

TEST_F(AdminClientTest, GivesCaddysWords) {
  EXPECT_EQ(LoadAt([](const std::string&) { return HttpText(400, R"({"error":"bogus"})"); }),
            InvalidArgument("caddy refuses the config: bogus"));
  EXPECT_EQ(GetFrom(HttpText(500, "oops")).status(),
            InvalidArgument("caddy does not show its config: oops"));
}

TEST_F(AdminClientTest, APathThatIsNotThereIsNull) {
  EXPECT_EQ(*GetFrom(HttpText(400, R"({"error":"invalid traversal path at: config/apps"})")),
            "null");
  EXPECT_EQ(*GetFrom(HttpText(200, "{}\n")), "{}");
}

TEST_F(AdminClientTest, DoesNotWaitForEver) {
  EXPECT_EQ(LoadAt([](const std::string&) { return ""; }),
            DeadlineExceeded("caddy at " + path_ + " does not answer within 300 ms"));
}

// Its own deadlines are far away: whoever does not hear of the stop waits for a minute.
class StoppedAdminClientTest : public AdminClientTest {
 protected:
  AdminClient StoppableClient(Millis last) {
    const Millis long_time{60'000};
    return AdminClient::OverUnixSocket(path_, {long_time, long_time, 1000, last, last},
                                       stop_.get_token());
  }
  const Status silent_ = Cancelled("caddy at " + path_ + " was silent when the agent stopped");
  std::stop_source stop_;
};

TEST_F(StoppedAdminClientTest, AStopEndsACallToASilentCaddyAndAllAfterIt) {
  const UnixServer server(path_, [this](const std::string&) {
    stop_.request_stop();  // in the middle of the call
    return "";
  });
  AdminClient client = StoppableClient(Millis(1));
  const MonoTime start = Clock::System().Mono();
  EXPECT_EQ(client.GetConfig("/@id").status(), silent_);
  EXPECT_EQ(client.Load("{}"), silent_);
  EXPECT_LT(Clock::System().Mono() - start, Seconds(30));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(StoppedAdminClientTest, ACaddyThatAnswersIsStillHeard) {
  stop_.request_stop();
  const UnixServer server(path_, [](const std::string&) { return HttpText(200, "{}"); });
  AdminClient client = StoppableClient(Millis(30'000));
  EXPECT_EQ(*client.GetConfig("/apps"), "{}");
  EXPECT_EQ(client.Load("{}"), Status::Ok());
}

TEST_F(AdminClientTest, TakesNoMoreThanItsLimit) {
  EXPECT_EQ(GetFrom(HttpText(200, std::string(2000, 'x'))).status(),
            ResourceExhausted("caddy answers more than 1000 bytes"));
}

TEST_F(AdminClientTest, FollowsNobodyElsewhere) {
  EXPECT_EQ(GetFrom(HttpText(302, "", "Location: http://127.0.0.1:9/\r\n")).status().code(),
            Code::kInvalidArgument);
}

TEST_F(AdminClientTest, IsNotHurtByGarbage) {
  for (const std::string& answer :
       {std::string("garbage\r\n\r\n"), std::string(500, '\0'), std::string("HTTP/1.1 200"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort")}) {
    EXPECT_EQ(GetFrom(answer).status().code(), Code::kUnavailable) << answer.substr(0, 20);
  }
  EXPECT_EQ(Client().GetConfig("").status().code(), Code::kUnavailable) << "nobody there";
}

}  // namespace
}  // namespace lockstep::agent::drivers::caddy
