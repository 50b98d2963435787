// Large bodies, and who has to wait for whom.
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <deque>
#include <string>
#include <utility>

#include "tests/integration/agent_quicd_upstream/rig.h"

namespace lockstep::agent::quicd::upstream {
namespace {

constexpr size_t kTotal = 100 << 20;
// What two kernels' socket buffers may take in at most.
constexpr size_t kKernel = 12 << 20;

std::string Pattern(size_t offset, size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(PatternByte(offset + i));
  return bytes;
}

// Says kTotal bytes of the pattern, and keeps count.
void SayPattern(Conversation& client, std::atomic<size_t>* said) {
  client.ReadHead();
  client.Write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kTotal) + "\r\n\r\n");
  constexpr size_t kStep = 256 << 10;
  while (*said < kTotal && client.Write(Pattern(*said, kStep))) *said += kStep;
  client.WaitForEnd();
}

// A receiver that keeps slices until somebody releases them.
struct Keeper {
  std::deque<Slice> held;
  size_t held_bytes = 0;
  size_t pinned_bytes = 0;  // the blocks behind them
  size_t received = 0;
  bool right = true;

  void Take(Slice slice) {
    const uint8_t* bytes = slice.block->data() + slice.offset;
    for (size_t i = 0; i < slice.size; ++i) right = right && bytes[i] == PatternByte(received + i);
    received += slice.size;
    held_bytes += slice.size;
    if (held.empty() || held.back().block != slice.block) pinned_bytes += slice.block->size();
    held.push_back(std::move(slice));
  }
  void Release() {
    held.clear();
    held_bytes = 0;
    pinned_bytes = 0;
  }
};

Micros CpuOfThisThread() {
  timespec used{};
  LS_CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0);
  return Seconds(used.tv_sec) + Micros(used.tv_nsec / 1000);
}

class StreamingTest : public UpstreamTest {};

TEST_F(StreamingTest, ALargeResponseInLittleMemory) {
  constexpr size_t kWindow = 1 << 20;
  std::atomic<size_t> said{0};
  Serve([&](Conversation& client) { SayPattern(client, &said); });
  Keeper keeper;
  size_t most_held = 0;
  size_t most_pinned = 0;
  size_t most_ahead = 0;
  Asked& asked = Ask(Request("GET", "/"));
  bool paused = false;
  asked.on_body = [&](Slice slice) {
    keeper.Take(std::move(slice));
    most_held = std::max(most_held, keeper.held_bytes);
    most_pinned = std::max(most_pinned, keeper.pinned_bytes);
    most_ahead = std::max(most_ahead, said.load() - std::min(said.load(), keeper.received));
    if (paused || keeper.held_bytes < kWindow) return;
    paused = true;
    asked.exchange->Pause();
    loop_->Later([&] {
      paused = false;
      keeper.Release();
      if (asked.exchange != nullptr) asked.exchange->Resume();
    });
  };
  RunUntilOver(asked);
  EXPECT_TRUE(asked.ended) << asked.why;
  EXPECT_EQ(keeper.received, kTotal);
  EXPECT_TRUE(keeper.right);
  EXPECT_LE(most_held, kWindow + (64 << 10));
  EXPECT_LE(most_pinned, 4 * most_held);
  EXPECT_LE(most_ahead, kKernel);
}

TEST_F(StreamingTest, NobodyReadsForAPausedExchange) {
  std::atomic<size_t> said{0};
  Serve([&](Conversation& client) { SayPattern(client, &said); });
  Keeper keeper;
  Asked& asked = Ask(Request("GET", "/"));
  size_t when_paused = 0;
  asked.on_body = [&](Slice slice) {
    keeper.Take(std::move(slice));
    if (when_paused != 0) return;
    when_paused = keeper.received;
    asked.exchange->Pause();
    // Long enough for the server to say all it can; no result depends on how long.
    loop_->At(Clock::System().Mono() + Millis(200), [&] { loop_->Stop(); });
  };
  loop_->Run();
  ASSERT_NE(when_paused, 0U);
  EXPECT_LE(keeper.received, when_paused + (64 << 10));
  EXPECT_LE(said.load(), kKernel);
  keeper.Release();
  asked.on_body = [&](Slice slice) {
    keeper.Take(std::move(slice));
    keeper.Release();
  };
  asked.exchange->Resume();
  RunUntilOver(asked);
  EXPECT_EQ(keeper.received, kTotal);
  EXPECT_TRUE(keeper.right);
}

// A peer with a reset connection must not keep the loop busy while nobody wants to hear of it.
TEST_F(StreamingTest, APausedExchangeOfADeadConnectionRests) {
  Serve([](Conversation& client) {
    client.ReadHead();
    client.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx");
    const linger at_once{1, 0};
    ::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    client.ReadBytes(1);  // goes on when the body comes
  });
  Asked& asked = Ask(Upload("POST", 1));
  asked.on_body = [&](Slice) {
    asked.exchange->Pause();
    asked.exchange->Write(Bytes("y"));
    loop_->Stop();
  };
  loop_->Run();
  server_->Join();
  bool waited = false;
  loop_->At(Clock::System().Mono() + Millis(200), [&] {
    waited = true;
    loop_->Stop();
  });
  const Micros before = CpuOfThisThread();
  RunUntil([&] { return waited; });
  EXPECT_LT(CpuOfThisThread() - before, Millis(100));
  ASSERT_FALSE(asked.over());
  asked.exchange->Resume();
  RunUntilOver(asked);
  EXPECT_EQ(asked.failed, Failure::kBroken);
}

// Hands in kTotal bytes, at most a window of them unwritten.
class Uploader {
 public:
  explicit Uploader(Asked& asked) : asked_(asked) {
    asked.on_written = [this](size_t) { HandIn(); };
    HandIn();
  }
  size_t handed() const { return handed_; }

 private:
  static constexpr size_t kWindow = 256 << 10;
  static constexpr size_t kStep = 32 << 10;
  void HandIn() {
    while (handed_ < kTotal && handed_ - asked_.written + kStep <= kWindow) {
      asked_.exchange->Write(Bytes(Pattern(handed_, kStep)));
      handed_ += kStep;
      if (handed_ == kTotal) asked_.exchange->Finish();
    }
  }
  Asked& asked_;
  size_t handed_ = 0;
};

TEST_F(StreamingTest, ALargeUploadGoesAsFastAsItIsRead) {
  std::atomic<bool> may_read{false};
  std::atomic<size_t> wrong{0};
  Serve([&](Conversation& client) {
    client.ReadHead();
    may_read.wait(false);
    constexpr size_t kStep = 1 << 20;
    for (size_t at = 0; at < kTotal; at += kStep) {
      if (client.ReadBytes(kStep) != Pattern(at, kStep)) ++wrong;
    }
    client.Write(Answer("thanks"));
    client.WaitForEnd();
  });
  Asked& asked = Ask(Upload("PUT", kTotal));
  const Uploader uploader(asked);
  // Long enough for the client to write all it can; no result depends on how long.
  loop_->At(Clock::System().Mono() + Millis(200), [&] { loop_->Stop(); });
  loop_->Run();
  EXPECT_GT(asked.written, 0U);
  EXPECT_LE(uploader.handed(), kKernel);
  may_read = true;
  may_read.notify_all();
  RunUntilOver(asked);
  EXPECT_EQ(asked.body, "thanks") << asked.why;
  EXPECT_EQ(asked.written, kTotal);
  EXPECT_EQ(wrong, 0U);
}

// Crumbs: a byte at a time pins no blocks.
TEST_F(StreamingTest, ASlowTrickleIsCopied) {
  constexpr int kCrumbs = 500;
  Serve([](Conversation& client) {
    client.ReadHead();
    client.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < kCrumbs; ++i) client.Write("1\r\nx\r\n");
    client.Write("0\r\n\r\n");
    client.WaitForEnd();
  });
  size_t pinned = 0;
  size_t received = 0;
  Asked& asked = Ask(Request("GET", "/"));
  asked.on_body = [&](Slice slice) {
    pinned += slice.block->size();
    received += slice.size;
  };
  RunUntilOver(asked);
  EXPECT_EQ(received, size_t{kCrumbs});
  EXPECT_EQ(pinned, received);
}

}  // namespace
}  // namespace lockstep::agent::quicd::upstream
