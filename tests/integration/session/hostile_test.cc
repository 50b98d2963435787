// Peers that mean harm, or are merely broken: nobody else may notice them.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "common/base/fd.h"
#include "tests/integration/session/rig.h"

namespace lockstep::controller::session {
namespace {

using ::testing::HasSubstr;

// An open stream still works: a lane set arrives.
void ExpectStillServed(Rig& rig, TestAgent& agent, uint64_t sequence) {
  rig.sessions->SendLane(kAms1, LaneMessage(sequence));
  const auto message = agent.Read();
  ASSERT_TRUE(message && message->has_lane_set());
  EXPECT_EQ(message->lane_set().sequence(), sequence);
}

TEST(HostileTest, AMessageOfSixtyFourMegabytesIsRefused) {
  Rig rig;
  rig.Serve();
  TestAgent good(rig.Connect(rig.MakeNode("ams1")));
  good.Hello();
  ASSERT_TRUE(good.Read()->has_welcome());
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  agent::v1::AgentMessage message;
  message.mutable_ack()->set_reason(std::string(64U << 20, 'x'));
  agent.WriteRaw(message);
  EXPECT_EQ(agent.Finish().code(), Code::kResourceExhausted);
  EXPECT_EQ(rig.events.Count("ack"), 0);
  ExpectStillServed(rig, good, 1);
}

TEST(HostileTest, PiecesOutOfOrderEndTheStreamWithTheReason) {
  Rig rig;
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  agent::v1::AgentMessage message;
  message.mutable_chunk()->set_transfer(1);
  message.mutable_chunk()->set_index(4);
  message.mutable_chunk()->set_data("x");
  agent.WriteRaw(message);
  EXPECT_EQ(agent.Finish(), InvalidArgument("transfer 1 piece 4: expected piece 0"));
}

TEST(HostileTest, ATransferBeyondTheLimitEndsTheStream) {
  Rig rig({.limits = {.total_bytes = 100'000, .transfers = 1}});
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")));
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  agent::v1::AgentMessage message;
  for (uint32_t index = 0; index < 3; ++index) {
    message.mutable_chunk()->set_transfer(1);
    message.mutable_chunk()->set_index(index);
    message.mutable_chunk()->set_data(std::string(40'000, 'x'));
    agent.WriteRaw(message);
  }
  EXPECT_EQ(agent.Finish().code(), Code::kResourceExhausted);
}

TEST(HostileTest, BytesThatAreNoMessageEndTheStream) {
  Rig rig;
  rig.Serve();
  const auto channel = rig.Connect(rig.MakeNode("fra1"));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::internal::RpcMethod method("/lockstep.agent.v1.AgentService/Session",
                                         grpc::internal::RpcMethod::BIDI_STREAMING, channel);
  std::unique_ptr<grpc::ClientAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
      grpc::internal::ClientAsyncReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
          channel.get(), &queue, method, &context, true, nullptr));
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  const grpc::Slice garbage("\xff\xff\xff\xff\xff");
  stream->Write(grpc::ByteBuffer(&garbage, 1), nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  grpc::Status status;
  stream->Finish(&status, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "what the agent sent is no AgentMessage");
}

TEST(HostileTest, GarbageOnTheSocketsDisturbsNobody) {
  Rig rig;
  rig.Serve();
  TestAgent good(rig.Connect(rig.MakeNode("ams1")));
  good.Hello();
  ASSERT_TRUE(good.Read()->has_welcome());
  for (const Endpoint& endpoint : {rig.server->agents(), rig.server->enrollment()}) {
    for (int i = 0; i < 20; ++i) {
      sockaddr_storage address{};
      const socklen_t length = endpoint.ToSockaddr(&address);
      const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
      const std::string garbage =
          i % 2 == 0 ? RandomBytes(20'000) : "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
      (void)::send(fd.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
    }
  }
  ExpectStillServed(rig, good, 1);
}

TEST(HostileTest, AnAgentThatDoesNotReadIsCutAndDelaysNobody) {
  Rig rig({.patience = {.hello = Seconds(10), .write = Millis(700), .end = Millis(500)}});
  rig.Serve();
  TestAgent slow(rig.Connect(rig.MakeNode("fra1")));
  slow.Hello();
  ASSERT_TRUE(slow.Read()->has_welcome());
  TestAgent good(rig.Connect(rig.MakeNode("ams1")));
  good.Hello();
  ASSERT_TRUE(good.Read()->has_welcome());
  rig.sessions->Push(kFra1, PushMessage(1, 40'000'000));
  for (uint64_t i = 1; i <= 50; ++i) ExpectStillServed(rig, good, i);
  EXPECT_TRUE(rig.events.WaitFor("closed fra1#1 DEADLINE_EXCEEDED: the agent has not read for"));
  ExpectStillServed(rig, good, 51);
}

TEST(HostileTest, OneNodeMayNotOpenStreamsWithoutEnd) {
  Rig rig({.streams_per_node = 2});
  rig.Serve();
  const ClientFiles files = rig.MakeNode("fra1");
  TestAgent first(rig.Connect(files));
  first.Hello();
  ASSERT_TRUE(first.Read()->has_welcome());
  TestAgent second(rig.Connect(files));
  std::vector<std::unique_ptr<TestAgent>> more;
  int refused = 0;
  for (int i = 0; i < 3; ++i) {
    TestAgent third(rig.Connect(files));
    third.Hello("refuse me");
    refused += third.Finish() == ResourceExhausted("node fra1 has 2 streams already") ? 1 : 0;
  }
  EXPECT_GE(refused, 1);
}

}  // namespace
}  // namespace lockstep::controller::session
