#include "controller/session/outbox.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/frame/assembler.h"

namespace lockstep::controller::session {
namespace {

using agent::v1::ControllerMessage;

link::Bytes Lane(uint64_t sequence, size_t challenges = 0) {
  ControllerMessage message;
  message.mutable_lane_set()->set_sequence(sequence);
  for (size_t i = 0; i < challenges; ++i) {
    message.mutable_lane_set()->add_challenges()->set_key_authorization(std::string(200, 'k'));
  }
  return std::make_shared<const std::string>(message.SerializeAsString());
}

link::Bytes Push(uint64_t id, size_t bytes = 0) {
  ControllerMessage message;
  message.mutable_push()->set_push_id(id);
  if (bytes > 0) message.mutable_push()->add_upserts()->set_body(std::string(bytes, 'b'));
  return std::make_shared<const std::string>(message.SerializeAsString());
}

link::Bytes Request(uint64_t id) {
  ControllerMessage message;
  message.mutable_witness_request()->set_request_id(id);
  return std::make_shared<const std::string>(message.SerializeAsString());
}

link::Bytes Welcome() {
  ControllerMessage message;
  message.mutable_welcome()->set_node("fra1");
  return std::make_shared<const std::string>(message.SerializeAsString());
}

// What a receiver makes of everything that is left, in order: "lane 3", "push 1", …
class Receiver {
 public:
  // False once there is nothing to take.
  bool TakeOne(Outbox& outbox) {
    const std::optional<Parcel> parcel = outbox.Next();
    if (!parcel) return false;
    const std::string wire = parcel->header + std::string(parcel->data);
    EXPECT_LE(wire.size(), frame::kMaxWireBytes);
    ControllerMessage message;
    EXPECT_TRUE(message.ParseFromString(wire));
    if (message.has_chunk()) ++pieces;
    auto whole = inbox_.Take(std::move(message));
    EXPECT_TRUE(whole.ok()) << whole.status();
    if (whole.ok() && *whole) got.push_back(Describe(**whole));
    return true;
  }
  void TakeAll(Outbox& outbox) {
    while (TakeOne(outbox)) {
    }
  }

  std::vector<std::string> got;
  int pieces = 0;

 private:
  static std::string Describe(const ControllerMessage& message) {
    if (message.has_welcome()) return "welcome";
    if (message.has_lane_set()) return "lane " + std::to_string(message.lane_set().sequence());
    if (message.has_push()) return "push " + std::to_string(message.push().push_id());
    return "request " + std::to_string(message.witness_request().request_id());
  }
  frame::Inbox<ControllerMessage> inbox_;
};

using Words = std::vector<std::string>;

TEST(OutboxTest, SendsTheWelcomeThenTheLaneThenRequestsThenThePush) {
  Outbox outbox;
  outbox.PutPush(Push(1));
  ASSERT_TRUE(outbox.PutRequest(Request(1)).ok());
  outbox.PutLane(Lane(1));
  outbox.PutWelcome(Welcome());
  ASSERT_TRUE(outbox.PutRequest(Request(2)).ok());
  Receiver receiver;
  receiver.TakeAll(outbox);
  EXPECT_EQ(receiver.got, (Words{"welcome", "lane 1", "request 1", "request 2", "push 1"}));
}

TEST(OutboxTest, TheLatestLaneAndPushWin) {
  Outbox outbox;
  for (uint64_t i = 1; i <= 5; ++i) {
    outbox.PutPush(Push(i));
    outbox.PutLane(Lane(i));
  }
  Receiver receiver;
  receiver.TakeAll(outbox);
  EXPECT_EQ(receiver.got, (Words{"lane 5", "push 5"}));
}

TEST(OutboxTest, TheLaneComesBetweenThePiecesOfAPush) {
  Outbox outbox;
  outbox.PutPush(Push(1, 500'000));
  Receiver receiver;
  receiver.TakeOne(outbox);
  receiver.TakeOne(outbox);
  outbox.PutLane(Lane(7));
  receiver.TakeOne(outbox);
  EXPECT_EQ(receiver.got, (Words{"lane 7"}));
  receiver.TakeAll(outbox);
  EXPECT_EQ(receiver.got, (Words{"lane 7", "push 1"}));
  EXPECT_EQ(receiver.pieces, 11);
}

TEST(OutboxTest, ALargeLaneSetInterruptsAPushToo) {
  Outbox outbox;
  outbox.PutPush(Push(1, 500'000));
  Receiver receiver;
  receiver.TakeOne(outbox);
  outbox.PutLane(Lane(8, 1000));
  receiver.TakeAll(outbox);
  EXPECT_EQ(receiver.got, (Words{"lane 8", "push 1"}));
}

TEST(OutboxTest, APushThatHasBegunIsFinishedAndTheLatestFollows) {
  Outbox outbox;
  outbox.PutPush(Push(1, 200'000));
  Receiver receiver;
  receiver.TakeOne(outbox);
  outbox.PutPush(Push(2, 200'000));
  outbox.PutPush(Push(3, 200'000));
  receiver.TakeAll(outbox);
  EXPECT_EQ(receiver.got, (Words{"push 1", "push 3"}));
}

TEST(OutboxTest, RequestsBeyondTheLimitAreRefused) {
  Outbox outbox;
  for (size_t i = 0; i < Outbox::kMaxRequests; ++i) {
    ASSERT_TRUE(outbox.PutRequest(Request(i)).ok());
  }
  EXPECT_EQ(outbox.PutRequest(Request(999)), ResourceExhausted("256 requests are waiting already"));
  Receiver receiver;
  ASSERT_TRUE(receiver.TakeOne(outbox));
  EXPECT_TRUE(outbox.PutRequest(Request(1000)).ok());
}

TEST(OutboxTest, LetsGoOfTheBytesOnceTheyAreSent) {
  Outbox outbox;
  link::Bytes push = Push(1, 200'000);
  const std::weak_ptr<const std::string> watched = push;
  outbox.PutPush(std::move(push));
  Receiver receiver;
  receiver.TakeAll(outbox);
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace lockstep::controller::session
