// Paths that lose datagrams, the long ones or all, and say nothing.
#include <gtest/gtest.h>

#include <string>

#include "tests/integration/agent_quicd/raw_client.h"
#include "tests/integration/agent_quicd/rig.h"

namespace lockstep::agent::quicd {
namespace {

constexpr size_t kDownloadBytes = 3'000'000;
constexpr size_t kNarrow = 1250;

int64_t Fetch(RawClient& client, size_t bytes) {
  const int64_t stream = client.OpenRequest();
  client.Write(stream,
               Headers({{":method", "GET"},
                        {":scheme", "https"},
                        {":authority", kName},
                        {":path", "/bytes/" + std::to_string(bytes)}}),
               true);
  return stream;
}

class PathTest : public ::testing::Test {
 protected:
  PathTest() {
    LS_CHECK(rig_.Configure(MakeSettings("node-aaa", port_, Pair::Make({kName}))).ok());
    client_ = std::make_unique<RawClient>(port_, kName);
    // The path is known to take long datagrams before a test begins.
    Fetch(*client_, 2 * server::PathMtu::kWorthProbing);
    EXPECT_TRUE(client_->RunUntil([this] { return client_->longest() > 1400; }));
  }
  void BeginDownload() {
    download_ = Fetch(*client_, kDownloadBytes);
    EXPECT_TRUE(client_->RunUntil([this] { return received() > 100'000; }));
    EXPECT_FALSE(complete());
  }
  size_t received() { return client_->stream(download_).received.size(); }
  bool complete() { return client_->stream(download_).fin; }
  void ExpectComplete() {
    EXPECT_TRUE(client_->RunUntil([this] { return complete(); })) << received();
    EXPECT_GT(received(), kDownloadBytes);
  }

  const uint16_t port_ = FreePort();
  Rig rig_;
  std::unique_ptr<RawClient> client_;
  int64_t download_ = -1;
};

TEST(PathProbeTest, AConnectionThatIsSentLittleIsNotProbed) {
  const uint16_t port = FreePort();
  Rig rig;
  ASSERT_TRUE(rig.Configure(MakeSettings("node-aaa", port, Pair::Make({kName}))).ok());
  RawClient client(port, kName);
  for (int i = 0; i < 5; ++i) {
    const int64_t answer = Fetch(client, 1000);
    EXPECT_TRUE(client.RunUntil([&] { return client.stream(answer).fin; }));
  }
  EXPECT_LE(client.longest(), server::PathMtu::kBase);
}

TEST_F(PathTest, ADownloadSurvivesAPathThatTakesNoLongDatagramsAnyMore) {
  BeginDownload();
  client_->LoseLongerThan(kNarrow);
  ExpectComplete();
  EXPECT_EQ(rig_.counters().path_mtu_black_holes, 1U);
}

// Too few bytes to fill the congestion window: short answers go out meanwhile and are acknowledged,
// which sets the loss timer back.
TEST_F(PathTest, ShortAnswersThatGetThroughDoNotHideIt) {
  client_->LoseLongerThan(kNarrow);
  const int64_t stuck = Fetch(*client_, 5000);
  int64_t small = Fetch(*client_, 3);
  int answers = 0;
  client_->RunUntil([&] {
    if (client_->stream(small).fin && client_->CanOpenRequest()) {
      small = Fetch(*client_, 3);
      ++answers;
    }
    return client_->stream(stuck).fin;
  });
  EXPECT_GT(client_->stream(stuck).received.size(), 5000U);
  EXPECT_GT(answers, 0);
  EXPECT_EQ(rig_.counters().path_mtu_black_holes, 1U);
}

TEST_F(PathTest, ADownloadSurvivesAnOutage) {
  BeginDownload();
  client_->LoseLongerThan(0);
  const MonoTime end = Clock::System().Mono() + Millis(500);
  client_->RunUntil([&] { return Clock::System().Mono() > end; });
  client_->LoseLongerThan(SIZE_MAX);
  ExpectComplete();
}

}  // namespace
}  // namespace lockstep::agent::quicd
