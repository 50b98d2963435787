#include "agent/quicd/upstream/request_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace lockstep::agent::quicd::upstream {
namespace {

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

struct Sent {
  std::string wire;
  size_t of_body = 0;
};

// A socket that takes `step` bytes at a time.
Sent SendAll(RequestWriter* writer, size_t step) {
  Sent sent;
  while (writer->pending()) {
    std::array<iovec, RequestWriter::kParts> parts;
    size_t room = step;
    size_t taken = 0;
    for (const iovec& part : writer->Gather(parts)) {
      const size_t size = std::min(room, part.iov_len);
      sent.wire.append(static_cast<const char*>(part.iov_base), size);
      room -= size;
      taken += size;
    }
    sent.of_body += writer->Advance(taken);
  }
  return sent;
}

TEST(RequestWriterTest, FramesChunksWhateverTheSocketTakes) {
  for (size_t step = 1; step < 40; ++step) {
    RequestWriter writer(Framing::kChunked, {});
    writer.Begin("HEAD\r\n\r\n");
    ASSERT_TRUE(writer.Append(Bytes("he")));
    ASSERT_TRUE(writer.Append(Bytes("llo")));
    ASSERT_TRUE(writer.Append({}));
    Sent sent = SendAll(&writer, step);
    EXPECT_EQ(sent.wire, "HEAD\r\n\r\n5\r\nhello\r\n") << step;
    EXPECT_EQ(sent.of_body, 5U) << step;
    EXPECT_FALSE(writer.complete());

    ASSERT_TRUE(writer.Append(Bytes("0123456789abcdef")));
    ASSERT_TRUE(writer.Finish());
    sent = SendAll(&writer, step);
    EXPECT_EQ(sent.wire, "10\r\n0123456789abcdef\r\n0\r\n\r\n") << step;
    EXPECT_EQ(sent.of_body, 16U) << step;
    EXPECT_TRUE(writer.complete());
  }
}

// As on another connection, when Caddy was closing the first: an end is no body.
TEST(RequestWriterTest, ARequestWhoseBodyNeverBeganCanBeSentAgain) {
  RequestWriter writer(Framing::kChunked, {});
  ASSERT_TRUE(writer.Finish());
  for (int i = 0; i < 2; ++i) {
    writer.Begin("HEAD\r\n\r\n");
    EXPECT_EQ(SendAll(&writer, 7).wire, "HEAD\r\n\r\n0\r\n\r\n");
    EXPECT_FALSE(writer.body_begun());
  }
}

TEST(RequestWriterTest, EndsAChunkedBodyThatIsEmptyOrLate) {
  RequestWriter writer(Framing::kChunked, {});
  writer.Begin("H");
  EXPECT_EQ(SendAll(&writer, 100).wire, "H");
  EXPECT_FALSE(writer.body_begun());
  ASSERT_TRUE(writer.Finish());
  EXPECT_EQ(SendAll(&writer, 100).wire, "0\r\n\r\n");
  EXPECT_FALSE(writer.body_begun());
  EXPECT_TRUE(writer.complete());
}

TEST(RequestWriterTest, AKnownLengthIsKept) {
  RequestWriter exact(Framing::kLength, 5);
  exact.Begin("H");
  ASSERT_TRUE(exact.Append(Bytes("hello")));
  EXPECT_FALSE(exact.complete());
  ASSERT_TRUE(exact.Finish());
  EXPECT_EQ(SendAll(&exact, 2).wire, "Hhello");
  EXPECT_TRUE(exact.complete());

  RequestWriter longer(Framing::kLength, 5);
  ASSERT_TRUE(longer.Append(Bytes("hell")));
  EXPECT_FALSE(longer.Append(Bytes("oo")));

  RequestWriter shorter(Framing::kLength, 5);
  ASSERT_TRUE(shorter.Append(Bytes("hell")));
  EXPECT_FALSE(shorter.Finish());
}

TEST(RequestWriterTest, WithoutABodyTheHeadIsAll) {
  RequestWriter writer(Framing::kNone, {});
  writer.Begin("H");
  EXPECT_FALSE(writer.complete());
  EXPECT_EQ(SendAll(&writer, 100).wire, "H");
  EXPECT_TRUE(writer.complete());
  EXPECT_FALSE(writer.Append(Bytes("x")));
  EXPECT_TRUE(writer.Finish());
}

TEST(RequestWriterTest, BeginsAnew) {
  RequestWriter writer(Framing::kLength, 2);
  ASSERT_TRUE(writer.Append(Bytes("ab")));
  writer.Begin("first");
  std::array<iovec, RequestWriter::kParts> parts;
  ASSERT_EQ(writer.Gather(parts).size(), 1U);
  EXPECT_EQ(writer.Advance(5), 0U);
  EXPECT_FALSE(writer.body_begun());
  writer.Begin("second");
  EXPECT_EQ(SendAll(&writer, 3).wire, "secondab");
}

}  // namespace
}  // namespace lockstep::agent::quicd::upstream
