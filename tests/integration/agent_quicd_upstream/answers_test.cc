// One request, and all that may come of it.
#include <sys/socket.h>

#include "common/net/socket.h"
#include "tests/integration/agent_quicd_upstream/rig.h"

namespace lockstep::agent::quicd::upstream {
namespace {

class AnswersTest : public UpstreamTest {
 protected:
  // Answers every connection's first request with these bytes, and closes.
  void ServeBytes(std::string bytes) {
    Serve([bytes](Conversation& client) {
      client.ReadHead();
      client.Write(bytes);
    });
  }
};

TEST_F(AnswersTest, AWholeExchange) {
  std::string request;
  std::string sent_body;
  Serve([&](Conversation& client) {
    request = client.ReadHead();
    sent_body = client.ReadBytes(20);
    client.Write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    client.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n");
    client.Write("6\r\nhello \r\n5\r\nworld\r\n0\r\nX-Sum: 7\r\n\r\n");
    client.WaitForEnd();
  });
  Asked& asked = Ask(Upload("POST", std::nullopt));
  asked.exchange->Write(Bytes("01234"));
  asked.exchange->Write(Bytes("56789"));
  asked.exchange->Finish();
  RunUntilOver(asked);
  EXPECT_TRUE(asked.ended) << asked.why;
  EXPECT_EQ(asked.interims, std::vector<int>{103});
  EXPECT_EQ(asked.head->status, 200);
  EXPECT_EQ(asked.Field("x-a"), "b");
  EXPECT_EQ(asked.body, "hello world");
  ASSERT_EQ(asked.trailers.size(), 1U);
  EXPECT_EQ(asked.trailers[0].value, "7");
  EXPECT_EQ(asked.written, 10U);
  upstream_.reset();
  server_->Join();
  EXPECT_TRUE(request.starts_with("POST /upload HTTP/1.1\r\nHost: www.example.test\r\n"));
  EXPECT_EQ(FieldOf(request, "Lockstep-Key"), "first-secret");
  EXPECT_EQ(sent_body, "a\r\n0123456789\r\n0\r\n\r\n");
}

TEST_F(AnswersTest, HeadHasNoBody) {
  ServeBytes("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  const Asked& asked = Ask(Request("HEAD", "/"));
  RunUntilOver(asked);
  EXPECT_TRUE(asked.ended) << asked.why;
  EXPECT_EQ(asked.head->content_length, 1000U);
}

TEST_F(AnswersTest, EndsWithTheConnectionWhereNothingElseSaysSo) {
  ServeBytes("HTTP/1.1 200 OK\r\n\r\nall of it");
  const Asked& asked = Ask(Request("GET", "/"));
  RunUntilOver(asked);
  EXPECT_TRUE(asked.ended) << asked.why;
  EXPECT_EQ(asked.body, "all of it");
}

TEST_F(AnswersTest, FailuresHaveTheirKinds) {
  const struct {
    std::string answer;
    Failure failure;
    bool after_head;
  } cases[] = {
      {"", Failure::kBroken, false},
      {"HTTP/1.1 200 OK\r\n", Failure::kBroken, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Failure::kBroken, true},
      {"220 mail ready\r\n\r\n", Failure::kMalformed, false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hex\r\n", Failure::kMalformed,
       true},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x') + "\r\n\r\n", Failure::kTooLarge, false},
  };
  for (const auto& expected : cases) {
    ServeBytes(expected.answer);
    const Asked& asked = Ask(Request("GET", "/"));
    RunUntilOver(asked);
    EXPECT_EQ(asked.failed, expected.failure) << expected.answer.substr(0, 60) << asked.why;
    EXPECT_EQ(asked.head.has_value(), expected.after_head) << expected.answer.substr(0, 60);
    EXPECT_EQ(server_->accepted(), 1) << "what was asked on a new connection is not asked again";
    upstream_.reset();
    server_.reset();
  }
}

TEST_F(AnswersTest, NobodyListens) {
  Serve([](Conversation&) {});
  const uint16_t port = server_->port();
  server_.reset();
  upstream_->Configure(MakeSettings(port));
  const Asked& asked = Ask(Request("GET", "/"));
  RunUntilOver(asked);
  EXPECT_EQ(asked.failed, Failure::kRefused);
  EXPECT_EQ(asked.why, "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST_F(AnswersTest, NobodyAnswers) {
  Serve([](Conversation& client) { client.WaitForEnd(); });
  Settings settings = MakeSettings(server_->port());
  settings.head_timeout = Millis(50);
  upstream_->Configure(settings);
  const Asked& asked = Ask(Request("GET", "/"));
  RunUntilOver(asked);
  EXPECT_EQ(asked.failed, Failure::kTimeout);
}

// A listener whose queue is full answers no SYN.
TEST_F(AnswersTest, NobodyAccepts) {
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address;
  const socklen_t length = Endpoint::Parse("127.0.0.1:0")->ToSockaddr(&address);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  Settings settings = MakeSettings(net::LocalEndpoint(listener)->port);
  settings.connect_timeout = Millis(50);
  upstream_ = Upstream::Create(*loop_, settings);
  for (int i = 0; i < 4; ++i) Ask(Request("GET", "/"));
  const Asked& last = *asked_.back();
  RunUntilOver(last);
  EXPECT_EQ(last.failed, Failure::kTimeout);
  EXPECT_EQ(last.why, "no connection was made in time");
}

// The time is Caddy's only while it is Caddy's turn.
TEST_F(AnswersTest, AClientThatTakesItsTimeIsNoTimeout) {
  Serve([](Conversation& client) {
    client.ReadHead();
    client.ReadBytes(4);
    client.Write(Answer("ok"));
    client.WaitForEnd();
  });
  Settings settings = MakeSettings(server_->port());
  settings.head_timeout = Seconds(1);
  upstream_->Configure(settings);
  Asked& asked = Ask(Upload("POST", 4));
  asked.exchange->Write(Bytes("ab"));
  loop_->At(Clock::System().Mono() + Millis(1500), [&] {
    ASSERT_NE(asked.exchange, nullptr) << asked.why;
    asked.exchange->Write(Bytes("cd"));
    asked.exchange->Finish();
  });
  RunUntilOver(asked);
  EXPECT_TRUE(asked.ended) << asked.why;
}

// More would be the next request to Caddy, and less would be filled up by it.
TEST_F(AnswersTest, ABodyThatIsNotWhatItsHeadSaysGoesNowhere) {
  // The conversation with the second request may outlive this test's own variables.
  const auto seen = std::make_shared<std::string>();
  Serve([seen](Conversation& client) {
    client.ReadHead();
    *seen = client.ReadBytes(1000);
  });
  Asked& longer = Ask(Upload("POST", 4));
  longer.exchange->Write(Bytes("abcd"));
  longer.exchange->Write(Bytes("GET /admin HTTP/1.1\r\n\r\n"));
  RunUntilOver(longer);
  EXPECT_EQ(longer.failed, Failure::kMalformed);
  server_->Join();
  EXPECT_EQ(seen->find("GET"), std::string::npos);

  Asked& shorter = Ask(Upload("POST", 4));
  shorter.exchange->Write(Bytes("ab"));
  shorter.exchange->Finish();
  RunUntilOver(shorter);
  EXPECT_EQ(shorter.failed, Failure::kMalformed);
}

TEST_F(AnswersTest, WhatMayNotBeHttp11IsNotSent) {
  Serve([](Conversation& client) { client.WaitForEnd(); });
  const Asked& asked = Ask(Request("GET", "/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"));
  RunUntilOver(asked);
  EXPECT_EQ(asked.failed, Failure::kMalformed);
  EXPECT_EQ(server_->accepted(), 0);
}

TEST_F(AnswersTest, AnAnswerMayComeBeforeTheRequestIsComplete) {
  for (const bool resets : {false, true}) {
    Serve([resets](Conversation& client) {
      client.ReadHead();
      client.Write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
      if (!resets) client.WaitForEnd();  // else: closes with bytes unread, which is a reset
    });
    Asked& asked = Ask(Upload("POST", 100 << 20));
    asked.exchange->Write(Bytes(std::string(4 << 20, 'x')));
    RunUntilOver(asked);
    EXPECT_TRUE(asked.ended) << asked.why;
    EXPECT_EQ(asked.head->status, 413);
    EXPECT_EQ(asked.body, "no");
    server_->Join();  // the connection was closed: nothing else could be sent on it
    upstream_.reset();
    server_.reset();
  }
}

TEST_F(AnswersTest, AnExchangeThatIsDestroyedIsSilent) {
  Serve([](Conversation& client) {
    client.ReadHead();
    client.Write(Answer(std::string(1 << 20, 'x')));
    client.WaitForEnd();
  });
  Asked& asked = Ask(Request("GET", "/"));
  asked.on_head = [&] {
    asked.exchange.reset();
    loop_->Stop();
  };
  RunUntil([&] { return asked.head.has_value(); });
  server_->Join();  // the server saw it go
  RunUntilOver(Ask(Request("GET", "/")));
  EXPECT_FALSE(asked.over());
  EXPECT_EQ(asked.body, "");
}

}  // namespace
}  // namespace lockstep::agent::quicd::upstream
