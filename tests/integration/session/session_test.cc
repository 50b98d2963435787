// The life of a stream: greeting, order, pieces, fencing, cutting, stopping.
#include <chrono>
#include <thread>

#include "tests/integration/session/rig.h"

namespace lockstep::controller::session {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SessionTest, WelcomeComesFirstThenTheLaneThenThePush) {
  Rig rig;
  rig.events.on_hello = [&](const NodeName& node) {
    rig.sessions->Push(node, PushMessage(7, 100));
    rig.sessions->SendLane(node, LaneMessage(3));
  };
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello();
  const auto first = agent.Read();
  ASSERT_TRUE(first && first->has_welcome());
  EXPECT_EQ(first->welcome().session_id().size(), 16U);
  EXPECT_EQ(first->welcome().node(), "fra1");
  const auto second = agent.Read();
  ASSERT_TRUE(second && second->has_lane_set());
  const auto third = agent.Read();
  ASSERT_TRUE(third && third->has_push());
  agent::v1::AgentMessage ack;
  ack.mutable_ack()->set_push_id(third->push().push_id());
  agent.Write(ack);
  EXPECT_TRUE(rig.events.WaitFor("ack fra1#1 push 7"));
  EXPECT_EQ(rig.events.heard().front(), "hello fra1#1");
}

TEST(SessionTest, AFiveMegabytePushAndAnAckOfManyProofsArriveWhole) {
  Rig rig;
  const link::Bytes push = PushMessage(1, 5'000'000);
  rig.events.on_hello = [&](const NodeName& node) { rig.sessions->Push(node, push); };
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  const auto received = agent.Read();
  ASSERT_TRUE(received && received->has_push());
  EXPECT_EQ(received->SerializeAsString(), *push);
  EXPECT_GT(agent.wire_messages, 100);

  agent::v1::AgentMessage ack;
  ack.mutable_ack()->set_push_id(1);
  for (int i = 0; i < 10'000; ++i) {
    ack.mutable_ack()->add_observations()->set_host("host" + std::to_string(i) + ".example.test");
  }
  agent.Write(ack);
  ASSERT_TRUE(rig.events.WaitFor("ack fra1#1 push 1"));
  EXPECT_EQ(rig.events.ack_observations(), 10'000);
}

TEST(SessionTest, RequestsArriveInTheirOrder) {
  Rig rig;
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  for (uint64_t id = 1; id <= 100; ++id) {
    agent::v1::ControllerMessage message;
    message.mutable_witness_request()->set_request_id(id);
    ASSERT_TRUE(rig.sessions->Send(kFra1, message).ok());
  }
  for (uint64_t id = 1; id <= 100; ++id) {
    EXPECT_EQ(agent.Read()->witness_request().request_id(), id);
  }
}

TEST(SessionTest, WhatIsSentToANodeWithoutAStreamIsDropped) {
  Rig rig;
  rig.Serve();
  rig.sessions->Push(kFra1, PushMessage(1, 10));
  rig.sessions->SendLane(kFra1, LaneMessage(1));
  EXPECT_TRUE(rig.sessions->Send(kFra1, {}).ok());
  rig.sessions->Cut(kFra1, Aborted("gone"));
  EXPECT_TRUE(rig.events.heard().empty());
}

TEST(SessionTest, ASecondStreamFencesTheFirstBeforeItIsHeard) {
  Rig rig;
  rig.Serve();
  const ClientFiles files = rig.MakeNode("fra1");
  TestAgent first(rig.Connect(files));
  first.Hello();
  ASSERT_TRUE(first.Read()->has_welcome());
  TestAgent second(rig.Connect(files));
  second.Hello();
  ASSERT_TRUE(second.Read()->has_welcome());
  EXPECT_EQ(first.Finish(), Aborted("a newer stream of node fra1 took over"));
  EXPECT_THAT(rig.events.heard(),
              ElementsAre("hello fra1#1", HasSubstr("closed fra1#1 ABORTED"), "hello fra1#2"));
  // What is sent now goes to the second.
  rig.sessions->SendLane(kFra1, LaneMessage(5));
  EXPECT_EQ(second.Read()->lane_set().sequence(), 5U);
}

TEST(SessionTest, CutEndsTheStreamWithItsReason) {
  Rig rig;
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  rig.sessions->Cut(kFra1, PermissionDenied("node fra1 is banned"));
  EXPECT_EQ(agent.Finish(), PermissionDenied("node fra1 is banned"));
  EXPECT_TRUE(rig.events.WaitFor("closed fra1#1 PERMISSION_DENIED: node fra1 is banned"));
}

TEST(SessionTest, CutEndsWithinTwoSecondsThoughTheAgentDoesNotRead) {
  Rig rig;
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  // More than every window and buffer on the way holds.
  rig.sessions->Push(kFra1, PushMessage(1, 30'000'000));
  const auto began = std::chrono::steady_clock::now();
  rig.sessions->Cut(kFra1, PermissionDenied("node fra1 is banned"));
  ASSERT_TRUE(rig.events.WaitFor("closed fra1#1"));
  // The agent has still not read a byte of it.
  while (rig.sessions->CountStreams() > 0 &&
         std::chrono::steady_clock::now() - began < Seconds(5)) {
    std::this_thread::sleep_for(Millis(10));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, Seconds(2));
  EXPECT_FALSE(agent.Finish().ok());
}

TEST(SessionTest, AStreamThatDoesNotGreetIsEnded) {
  Rig rig({.patience = {.hello = Millis(300), .write = Seconds(5), .end = Seconds(1)}});
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  EXPECT_EQ(agent.Finish(), DeadlineExceeded("no hello within 300 ms"));
  EXPECT_TRUE(rig.events.heard().empty());
}

TEST(SessionTest, TheFirstMessageMustBeHelloAndComeOnce) {
  Rig rig;
  rig.Serve();
  const ClientFiles files = rig.MakeNode("fra1");
  agent::v1::AgentMessage heartbeat;
  heartbeat.mutable_heartbeat()->set_serving_generation(1);
  TestAgent wrong(rig.Connect(files));
  wrong.Write(heartbeat);
  EXPECT_EQ(wrong.Finish(), FailedPrecondition("the first message must be hello"));
  TestAgent twice(rig.Connect(files));
  twice.Hello();
  twice.Hello();
  EXPECT_EQ(twice.Finish(), FailedPrecondition("a second hello"));
}

TEST(SessionTest, TheDomainMayRefuseAHello) {
  Rig rig;
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello("refuse me");
  EXPECT_EQ(agent.Finish(), FailedPrecondition("refused as asked"));
  rig.strand.RunAndWait([] {});
  EXPECT_EQ(rig.events.heard(), std::vector<std::string>{"hello fra1#1"});
}

TEST(SessionTest, AnAgentThatGoesAwayIsNoticed) {
  Rig rig;
  rig.Serve();
  {
    TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
    agent.Hello();
    ASSERT_TRUE(agent.Read()->has_welcome());
  }
  EXPECT_TRUE(rig.events.WaitFor("closed fra1#1 UNAVAILABLE"));
}

TEST(SessionTest, StoppingEndsEveryStreamAndTheDomainHearsOfEach) {
  Rig rig;
  rig.Serve();
  TestAgent fra(rig.Connect(rig.MakeNode("fra1")));
  TestAgent ams(rig.Connect(rig.MakeNode("ams1")));
  fra.Hello();
  ams.Hello();
  ASSERT_TRUE(fra.Read()->has_welcome());
  ASSERT_TRUE(ams.Read()->has_welcome());
  std::thread reader([&] { EXPECT_EQ(fra.Finish(), Unavailable("the controller is stopping")); });
  rig.server->Stop();
  reader.join();
  EXPECT_EQ(ams.Finish(), Unavailable("the controller is stopping"));
  EXPECT_TRUE(rig.events.WaitFor("closed fra1"));
  EXPECT_TRUE(rig.events.WaitFor("closed ams1"));
}

TEST(SessionTest, AFloodOfMessagesArrivesInOrderAndWaitsForTheDomain) {
  Rig rig;
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  agent::v1::AgentMessage heartbeat;
  for (uint64_t i = 0; i < 2000; ++i) {
    heartbeat.mutable_heartbeat()->set_serving_generation(i);
    ASSERT_TRUE(agent.WriteRaw(heartbeat));
  }
  ASSERT_TRUE(rig.events.WaitFor("heartbeat fra1#1 1999"));
  const std::vector<std::string> heard = rig.events.heard();
  ASSERT_EQ(heard.size(), 2001U);
  for (size_t i = 0; i < 2000; ++i) {
    EXPECT_EQ(heard[i + 1], "heartbeat fra1#1 " + std::to_string(i));
  }
}

}  // namespace
}  // namespace lockstep::controller::session
