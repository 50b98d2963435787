// A message of any length arrives as it was sent. gRPC has lengths that it does not survive by
// itself: the TLS frames in common/rpc/settings.cc say why.
#include "tests/integration/session/rig.h"

namespace lockstep::controller::session {
namespace {

// Beyond the largest TLS record that fits into gRPC's buffer of 8 KiB.
constexpr size_t kLongest = 8400;
// So many messages take a while where a sanitizer looks on.
constexpr Micros kPatience = Seconds(120);
// A small message goes before each, and all on one stream: it also matters where in gRPC's buffer
// one begins. With other small ones frames of 4096 bytes may pass.
size_t LengthBefore(size_t length) { return 1 + length * 37 % 1500; }

TEST(LengthsTest, APushOfAnyLengthArrives) {
  Rig rig;
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")), kPatience);
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  for (size_t length = 1; length < kLongest; ++length) {
    for (const link::Bytes& push : {PushMessage(1, LengthBefore(length)), PushMessage(2, length)}) {
      rig.sessions->Push(kFra1, push);
      const auto received = agent.Read();
      ASSERT_TRUE(received) << push->size() << " bytes: " << agent.Finish();
      ASSERT_EQ(received->SerializeAsString(), *push);
    }
  }
}

TEST(LengthsTest, AnAnswerOfAnyLengthArrives) {
  Rig rig;
  rig.Serve();
  TestAgent agent(rig.Connect(rig.MakeNode("fra1")), kPatience);
  agent.Hello();
  ASSERT_TRUE(agent.Read()->has_welcome());
  agent::v1::AgentMessage answer;
  for (size_t length = 1; length < kLongest; ++length) {
    answer.mutable_ack()->set_reason(std::string(LengthBefore(length), 'x'));
    agent.Write(answer);
    answer.mutable_ack()->set_reason(std::string(length, 'x'));
    agent.Write(answer);
  }
  answer.mutable_ack()->set_push_id(1);
  agent.Write(answer);
  EXPECT_TRUE(rig.events.WaitFor("push 1")) << agent.Finish();
}

}  // namespace
}  // namespace lockstep::controller::session
