// Connections that are kept, shared, left and replaced.
#include <algorithm>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/agent_quicd_upstream/rig.h"

namespace lockstep::agent::quicd::upstream {
namespace {

using PoolTest = UpstreamTest;

// Answers every request with its path.
void Echo(Conversation& client) {
  for (std::string head = client.ReadHead(); !head.empty(); head = client.ReadHead()) {
    const size_t begin = head.find(' ') + 1;
    client.Write(Answer(head.substr(begin, head.find(' ', begin) - begin)));
  }
}

TEST_F(PoolTest, AConnectionServesManyRequests) {
  Serve(Echo);
  for (int i = 0; i < 10; ++i) {
    const Asked& asked = Ask(Request("GET", "/" + std::to_string(i)));
    RunUntilOver(asked);
    EXPECT_EQ(asked.body, "/" + std::to_string(i)) << asked.why;
  }
  EXPECT_EQ(server_->accepted(), 1);
}

TEST_F(PoolTest, RequestsBeyondTheLimitWaitTheirTurn) {
  Serve(Echo);
  Settings settings = MakeSettings(server_->port());
  settings.max_connections = 2;
  upstream_->Configure(settings);
  std::vector<Asked*> all;
  for (int i = 0; i < 20; ++i) all.push_back(&Ask(Request("GET", "/" + std::to_string(i))));
  all[7]->exchange.reset();  // gave up while it waited
  RunUntil([&] {
    return std::all_of(all.begin(), all.end(),
                       [&](const Asked* asked) { return asked->over() || asked == all[7]; });
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(all[static_cast<size_t>(i)]->body, i == 7 ? "" : "/" + std::to_string(i));
  }
  EXPECT_EQ(server_->accepted(), 2);
}

TEST_F(PoolTest, NoTurnInTimeIsATimeout) {
  Serve([](Conversation& client) { client.WaitForEnd(); });
  Settings settings = MakeSettings(server_->port());
  settings.max_connections = 1;
  upstream_->Configure(settings);
  Ask(Request("GET", "/"));
  settings.head_timeout = Millis(50);
  upstream_->Configure(settings);
  const Asked& waiting = Ask(Request("GET", "/"));
  RunUntilOver(waiting);
  EXPECT_EQ(waiting.failed, Failure::kTimeout);
  EXPECT_EQ(waiting.why, "no connection was free in time");
}

TEST_F(PoolTest, IdleConnectionsAreClosed) {
  Serve(Echo);
  Settings settings = MakeSettings(server_->port());
  settings.idle_timeout = Millis(50);
  upstream_->Configure(settings);
  RunUntilOver(Ask(Request("GET", "/")));
  std::thread waits([&] {
    server_->Join();  // the script ends with the connection
    loop_->Stop();
  });
  loop_->Run();
  waits.join();
  RunUntilOver(Ask(Request("GET", "/")));
  EXPECT_EQ(server_->accepted(), 2);
}

TEST_F(PoolTest, OnlySoManyAreKept) {
  Serve(Echo);
  Settings settings = MakeSettings(server_->port());
  settings.max_idle = 1;
  upstream_->Configure(settings);
  for (int round = 0; round < 2; ++round) {
    const Asked& one = Ask(Request("GET", "/1"));
    const Asked& other = Ask(Request("GET", "/2"));
    RunUntil([&] { return one.over() && other.over(); });
  }
  EXPECT_EQ(server_->accepted(), 3);
}

// Serves one request per connection, and reads the next one only to close upon it.
void CloseUponTheSecond(Conversation& client) {
  client.ReadHead();
  client.Write(Answer("first"));
  client.ReadHead();
}

TEST_F(PoolTest, AStaleConnectionCostsAnIdempotentRequestNothing) {
  Serve(CloseUponTheSecond);
  for (int i = 0; i < 5; ++i) {
    const Asked& asked = Ask(Request("GET", "/"));
    RunUntilOver(asked);
    EXPECT_TRUE(asked.ended) << asked.why;
  }
  EXPECT_EQ(server_->accepted(), 5);
}

TEST_F(PoolTest, WhatMayHaveHadAnEffectIsNotAskedTwice) {
  for (const bool has_body : {false, true}) {
    Serve(CloseUponTheSecond);
    RunUntilOver(Ask(Request("GET", "/")));
    // A POST may not be sent twice; a PUT may, but its body has left us.
    Asked& asked = Ask(has_body ? Upload("PUT", 4) : Request("POST", "/"));
    if (has_body) asked.exchange->Write(Bytes("abcd"));
    asked.exchange->Finish();
    RunUntilOver(asked);
    EXPECT_EQ(asked.failed, Failure::kBroken);
    EXPECT_EQ(server_->accepted(), 1);
    upstream_.reset();
    server_.reset();
  }
}

TEST_F(PoolTest, ARetryIsTheOnlyOne) {
  Serve([](Conversation& client) {
    client.ReadHead();
    if (client.number() > 0) return;
    client.Write(Answer("first"));
    client.ReadHead();
  });
  RunUntilOver(Ask(Request("GET", "/")));
  const Asked& asked = Ask(Request("GET", "/"));
  RunUntilOver(asked);
  EXPECT_EQ(asked.failed, Failure::kBroken);
  EXPECT_EQ(server_->accepted(), 2);
}

// What is behind a response was said to nobody, and must not answer the next one's question.
TEST_F(PoolTest, AConnectionWithBytesLeftOverIsNotUsedAgain) {
  Serve([](Conversation& client) {
    client.ReadHead();
    client.Write(Answer("right") + (client.number() == 0 ? Answer("wrong") : ""));
    client.WaitForEnd();
  });
  for (int i = 0; i < 2; ++i) {
    const Asked& asked = Ask(Request("GET", "/"));
    RunUntilOver(asked);
    EXPECT_EQ(asked.body, "right");
  }
  EXPECT_EQ(server_->accepted(), 2);
}

TEST_F(PoolTest, NewSettingsAreForWhatBeginsAfterwards) {
  std::mutex mutex;
  std::vector<std::string> keys;
  const auto script = [&](Conversation& client) {
    for (std::string head = client.ReadHead(); !head.empty(); head = client.ReadHead()) {
      {
        const std::lock_guard<std::mutex> lock(mutex);
        keys.push_back(FieldOf(head, "Lockstep-Key"));
      }
      client.Write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
      if (head.starts_with("POST")) client.ReadBytes(4);  // the other half waits for the body
      client.Write("half");
    }
  };
  Serve(script);
  ScriptedServer other(script);
  Asked& live = Ask(Upload("POST", 4));
  live.on_head = [&] { loop_->Stop(); };
  RunUntil([&] { return live.head.has_value(); });

  Settings settings = MakeSettings(other.port());
  settings.secret_header_value = "second-secret";
  upstream_->Configure(settings);
  const Asked& next = Ask(Request("GET", "/"));
  RunUntilOver(next);
  EXPECT_TRUE(next.ended) << next.why;
  EXPECT_EQ(other.accepted(), 1);

  live.exchange->Write(Bytes("abcd"));
  live.exchange->Finish();
  RunUntilOver(live);
  EXPECT_EQ(live.body, "halfhalf") << live.why;
  server_->Join();  // its connection leads where no new one would: it was not kept
  const std::lock_guard<std::mutex> lock(mutex);
  EXPECT_EQ(keys, (std::vector<std::string>{"first-secret", "second-secret"}));
  upstream_.reset();
}

}  // namespace
}  // namespace lockstep::agent::quicd::upstream
