#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/encoding.h"
#include "common/frame/assembler.h"
#include "common/frame/cutter.h"

namespace lockstep::frame {
namespace {

using agent::v1::AgentMessage;
using agent::v1::Chunk;
using agent::v1::ControllerMessage;
using ::testing::HasSubstr;

Chunk MakeChunk(uint64_t transfer, uint32_t index, std::string data, bool last = false) {
  Chunk chunk;
  chunk.set_transfer(transfer);
  chunk.set_index(index);
  if (last) chunk.set_sha256(crypto::Sha256(data));
  chunk.set_data(std::move(data));
  return chunk;
}

ControllerMessage LargePush(size_t body_bytes) {
  ControllerMessage message;
  auto* resource = message.mutable_push()->add_upserts();
  message.mutable_push()->set_push_id(7);
  resource->set_type("site");
  resource->set_name("www.example.test");
  resource->set_body(RandomBytes(body_bytes));
  return message;
}

// Everything that comes out of an inbox when `wire` goes in.
std::vector<ControllerMessage> Deliver(Inbox<ControllerMessage>& inbox,
                                       const std::vector<std::string>& wire) {
  std::vector<ControllerMessage> delivered;
  for (const std::string& bytes : wire) {
    EXPECT_LE(bytes.size(), kMaxWireBytes);
    ControllerMessage message;
    EXPECT_TRUE(message.ParseFromString(bytes));
    auto taken = inbox.Take(std::move(message));
    EXPECT_TRUE(taken.ok()) << taken.status();
    if (taken.ok() && *taken) delivered.push_back(**std::move(taken));
  }
  return delivered;
}

TEST(FrameTest, AMessageThatFitsTravelsAsItIs) {
  AgentMessage message;
  message.mutable_heartbeat()->set_serving_generation(3);
  Splitter<AgentMessage> splitter;
  const std::vector<std::string> wire = splitter.Split(message.SerializeAsString());
  ASSERT_EQ(wire.size(), 1U);
  EXPECT_EQ(wire[0], message.SerializeAsString());
}

TEST(FrameTest, ALargeMessageArrivesWhole) {
  const ControllerMessage sent = LargePush(5'000'000);
  Splitter<ControllerMessage> splitter;
  Inbox<ControllerMessage> inbox;
  const auto delivered = Deliver(inbox, splitter.Split(sent.SerializeAsString()));
  ASSERT_EQ(delivered.size(), 1U);
  EXPECT_EQ(delivered[0].SerializeAsString(), sent.SerializeAsString());
}

TEST(FrameTest, NothingIsCutAtExactlyTheLimit) {
  Splitter<ControllerMessage> splitter;
  EXPECT_EQ(splitter.Split(std::string(kMaxWireBytes, 'x')).size(), 1U);
  EXPECT_EQ(splitter.Split(std::string(kMaxWireBytes + 1, 'x')).size(), 2U);
}

TEST(FrameTest, ThePieceWithTheHighestNumbersStillFitsTheWire) {
  const std::string whole(kPieceBytes, 'x');
  Cutter cutter(ControllerMessage::kChunkFieldNumber, whole, UINT64_MAX);
  const Piece piece = cutter.Next();
  EXPECT_TRUE(cutter.done());
  EXPECT_TRUE(FitsTheWire(piece.header.size() + 5 + piece.data.size()));  // 5: a 32-bit index
}

TEST(FrameTest, OtherMessagesMayComeBetweenThePieces) {
  Splitter<ControllerMessage> splitter;
  std::vector<std::string> wire = splitter.Split(LargePush(200'000).SerializeAsString());
  ControllerMessage lane;
  lane.mutable_lane_set()->set_sequence(9);
  wire.insert(wire.begin() + 2, lane.SerializeAsString());
  Inbox<ControllerMessage> inbox;
  const auto delivered = Deliver(inbox, wire);
  ASSERT_EQ(delivered.size(), 2U);
  EXPECT_EQ(delivered[0].lane_set().sequence(), 9U);
  EXPECT_EQ(delivered[1].push().push_id(), 7U);
}

TEST(FrameTest, AMessageOfAKindFromTheFutureIsPassedOver) {
  AgentMessage unknown;
  ASSERT_TRUE(unknown.ParseFromString(std::string("\x9a\x06\x01x", 4)));  // field 99
  Inbox<AgentMessage> inbox;
  const auto taken = inbox.Take(unknown);
  ASSERT_TRUE(taken.ok());
  EXPECT_FALSE(taken->has_value());
}

TEST(FrameTest, ATransferMustHoldAMessage) {
  Inbox<AgentMessage> inbox;
  AgentMessage message;
  *message.mutable_chunk() = MakeChunk(1, 0, "\xff\xff\xff", true);
  EXPECT_EQ(inbox.Take(message).status(), InvalidArgument("transfer 1 holds no message"));
  AgentMessage inner;
  *inner.mutable_chunk() = MakeChunk(1, 0, "x");
  *message.mutable_chunk() = MakeChunk(2, 0, inner.SerializeAsString(), true);
  EXPECT_EQ(inbox.Take(message).status(), InvalidArgument("transfer 2 holds a piece of another"));
}

TEST(AssemblerTest, RefusesPiecesOutOfOrder) {
  Assembler assembler;
  ASSERT_TRUE(assembler.Take(MakeChunk(1, 0, "a")).ok());
  EXPECT_EQ(assembler.Take(MakeChunk(1, 2, "c")).status(),
            InvalidArgument("transfer 1 piece 2: expected piece 1"));
  EXPECT_EQ(assembler.Take(MakeChunk(1, 0, "a")).status(),
            InvalidArgument("transfer 1 piece 0: expected piece 1"));
}

TEST(AssemblerTest, RefusesTransfersOutOfOrder) {
  Assembler assembler;
  EXPECT_EQ(assembler.Take(MakeChunk(0, 0, "a")).status(),
            InvalidArgument("transfer 0 piece 0: the transfer has ended"));
  EXPECT_EQ(assembler.Take(MakeChunk(2, 0, "a")).status(),
            InvalidArgument("transfer 2 piece 0: expected transfer 1"));
  ASSERT_TRUE(assembler.Take(MakeChunk(1, 0, "a", true)).ok());
  EXPECT_EQ(assembler.Take(MakeChunk(1, 1, "b")).status(),
            InvalidArgument("transfer 1 piece 1: the transfer has ended"));
}

TEST(AssemblerTest, RefusesAPieceThatIsEmptyOrTooLarge) {
  Assembler assembler;
  EXPECT_EQ(assembler.Take(MakeChunk(1, 0, "")).status(),
            InvalidArgument("transfer 1 piece 0: is empty"));
  EXPECT_EQ(assembler.Take(MakeChunk(1, 0, std::string(kMaxWireBytes + 1, 'x'))).status(),
            InvalidArgument("transfer 1 piece 0: has 49153 bytes, at most 49152 are allowed"));
  EXPECT_EQ(assembler.held_bytes(), 0U);
}

TEST(AssemblerTest, RefusesADigestThatIsNotThatOfTheData) {
  Assembler assembler;
  Chunk chunk = MakeChunk(1, 0, "data", true);
  chunk.set_sha256(std::string(31, 'x'));
  EXPECT_EQ(assembler.Take(chunk).status(),
            InvalidArgument("transfer 1 piece 0: sha256 has 31 bytes instead of 32"));
  chunk.set_sha256(std::string(32, 'x'));
  EXPECT_EQ(assembler.Take(chunk).status(),
            DataLoss("transfer 1 piece 0: sha256 is not that of the data"));
}

TEST(AssemblerTest, HoldsNoMoreThanItsLimits) {
  Assembler assembler({.total_bytes = 10, .transfers = 2});
  ASSERT_TRUE(assembler.Take(MakeChunk(1, 0, "12345")).ok());
  ASSERT_TRUE(assembler.Take(MakeChunk(2, 0, "1234")).ok());
  EXPECT_EQ(assembler.Take(MakeChunk(3, 0, "1")).status(),
            ResourceExhausted("transfer 3 piece 0: more than 2 unfinished transfers"));
  EXPECT_EQ(assembler.Take(MakeChunk(1, 1, "12")).status(),
            ResourceExhausted("transfer 1 piece 1: more than 10 bytes of unfinished transfers"));
  EXPECT_EQ(assembler.held_bytes(), 9U);
}

TEST(AssemblerTest, RoomIsFreeAgainAfterACommit) {
  Assembler assembler({.total_bytes = 4, .transfers = 1});
  for (uint64_t transfer = 1; transfer <= 3; ++transfer) {
    const auto whole = assembler.Take(MakeChunk(transfer, 0, "1234", true));
    ASSERT_TRUE(whole.ok()) << whole.status();
    EXPECT_EQ(*whole, "1234");
  }
  EXPECT_EQ(assembler.unfinished(), 0U);
}

RC_GTEST_PROP(FrameProperty, SeveralTransfersInterleavedArriveByteForByte, ()) {
  const auto sizes =
      *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(1, 4 * kPieceBytes));
  std::vector<std::string> wholes;
  for (const size_t size : sizes) wholes.push_back(RandomBytes(size));
  std::vector<Cutter> cutters;
  for (size_t i = 0; i < wholes.size(); ++i) {
    cutters.emplace_back(ControllerMessage::kChunkFieldNumber, wholes[i], i + 1);
  }
  Assembler assembler({.total_bytes = 1U << 30, .transfers = 1000});
  std::vector<std::string> arrived(wholes.size());
  size_t started = 0;
  while (true) {
    std::vector<size_t> open;  // what may go next: a transfer that has started, or the next one
    for (size_t i = 0; i < cutters.size() && i <= started; ++i) {
      if (!cutters[i].done()) open.push_back(i);
    }
    if (open.empty()) break;
    const size_t next = open[*rc::gen::inRange<size_t>(0, open.size())];
    started = std::max(started, next + 1);
    const Piece piece = cutters[next].Next();
    ControllerMessage message;
    RC_ASSERT(message.ParseFromString(piece.header + std::string(piece.data)));
    auto whole = assembler.Take(message.chunk());
    RC_ASSERT(whole.ok());
    if (*whole) arrived[next] = **whole;
  }
  RC_ASSERT(arrived == wholes);
  RC_ASSERT(assembler.held_bytes() == 0U);
}

// However pieces are dropped, doubled, swapped or damaged on the way: what commits is what was
// sent.
RC_GTEST_PROP(FrameProperty, DamageNeverCommits, ()) {
  const std::string whole =
      RandomBytes(*rc::gen::inRange<size_t>(kPieceBytes + 1, 3 * kPieceBytes));
  std::vector<Chunk> chunks;
  Cutter cutter(AgentMessage::kChunkFieldNumber, whole, 1);
  while (!cutter.done()) {
    const Piece piece = cutter.Next();
    AgentMessage message;
    RC_ASSERT(message.ParseFromString(piece.header + std::string(piece.data)));
    chunks.push_back(message.chunk());
  }
  const size_t at = *rc::gen::inRange<size_t>(0, chunks.size());
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      chunks.erase(chunks.begin() + static_cast<ptrdiff_t>(at));
      break;
    case 1:
      chunks.insert(chunks.begin() + static_cast<ptrdiff_t>(at), chunks[at]);
      break;
    case 2:
      std::swap(chunks[at], chunks[(at + 1) % chunks.size()]);
      break;
    default: {
      std::string& data = *chunks[at].mutable_data();
      const size_t byte = *rc::gen::inRange<size_t>(0, data.size());
      data[byte] = static_cast<char>(data[byte] ^ 0x40);
    }
  }
  Assembler assembler;
  for (const Chunk& chunk : chunks) {
    auto taken = assembler.Take(chunk);
    if (!taken.ok()) return;
    if (*taken) RC_ASSERT(**taken == whole);
  }
}

}  // namespace
}  // namespace lockstep::frame
