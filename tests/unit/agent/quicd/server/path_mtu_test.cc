#include "agent/quicd/server/path_mtu.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <map>

namespace lockstep::agent::quicd::server {
namespace {

constexpr MonoTime kBegin{Seconds(1000)};
constexpr Micros kTimeout = Millis(60);
constexpr size_t kLong = 1400;
constexpr int64_t kDownload = 0;
constexpr int64_t kOther = 4;

MonoTime After(double timeouts) {
  return kBegin + Micros(static_cast<int64_t>(timeouts * static_cast<double>(kTimeout.count())));
}

// A round of one long datagram; true if the limit fell before it.
bool Send(PathMtu& path, MonoTime now, size_t bytes = kLong - 50, int64_t stream = kDownload) {
  const bool fell = path.Check(now, kTimeout);
  if (bytes > 0) path.OnStreamData(stream, bytes);
  path.OnSent(std::min(kLong, path.limit()), kLong, now);
  return fell;
}

TEST(PathMtuTest, FallsWhenTheThirdLossTimerInARowExpires) {
  PathMtu path;
  for (const double timer : {0, 1, 3}) EXPECT_FALSE(Send(path, After(timer)));
  EXPECT_EQ(path.limit(), SIZE_MAX);
  EXPECT_FALSE(path.Check(After(6.9), kTimeout)) << "on its way for another reason";
  EXPECT_TRUE(Send(path, After(7)));
  EXPECT_EQ(path.limit(), 1200U);
  EXPECT_FALSE(Send(path, After(15))) << "it is said once";
}

TEST(PathMtuTest, AcknowledgementsOfOtherStreamsAreNoReasonToGoOn) {
  PathMtu path;
  for (const double timer : {0, 1, 3}) {
    Send(path, After(timer));
    path.OnStreamData(kOther, 300);
    path.OnSent(340, kLong, After(timer));
    path.OnAcknowledged(kOther, 300);
    path.OnAcknowledged(kDownload, 20);  // of the response's head, before the long datagram
  }
  EXPECT_TRUE(Send(path, After(7)));
}

TEST(PathMtuTest, AnAcknowledgementOfWhatALongDatagramCarriedBeginsAnew) {
  PathMtu path;
  for (const double timer : {0, 1, 3}) Send(path, After(timer), 1350);
  path.OnAcknowledged(kDownload, 1350);
  EXPECT_FALSE(Send(path, After(7))) << "now the bytes of the later ones are waited for";
  for (const double timer : {8, 10}) EXPECT_FALSE(Send(path, After(timer)));
  EXPECT_TRUE(Send(path, After(14)));
}

TEST(PathMtuTest, NothingIsWaitedForOnceAllIsAcknowledged) {
  PathMtu path;
  Send(path, After(0), 1350);
  path.OnAcknowledged(kDownload, 1350);
  for (const double later : {50, 51, 53}) EXPECT_FALSE(Send(path, After(later)));
  EXPECT_TRUE(Send(path, After(57))) << "seven timeouts after the first that was lost";
}

TEST(PathMtuTest, SilenceAloneIsNotEnough) {
  PathMtu path;
  Send(path, After(0));
  EXPECT_FALSE(Send(path, After(100))) << "nothing was sent in between: the client slept";
  EXPECT_FALSE(Send(path, After(101)));
  EXPECT_TRUE(path.Check(After(102), kTimeout));
}

TEST(PathMtuTest, ProbesMayBeLost) {
  PathMtu path;
  for (const double timer : {0, 1, 3, 7, 15}) {
    EXPECT_FALSE(path.Check(After(timer), kTimeout));
    path.OnSent(kLong, /*probed=*/1200, After(timer));
  }
  EXPECT_EQ(path.limit(), SIZE_MAX);
}

TEST(PathMtuTest, ShortDatagramsThatAreLostAreAnOutage) {
  PathMtu path;
  for (const double timer : {0, 1, 3, 7, 15}) {
    EXPECT_FALSE(path.Check(After(timer), kTimeout));
    path.OnStreamData(kDownload, 1150);
    path.OnSent(1200, kLong, After(timer));
  }
  EXPECT_EQ(path.limit(), SIZE_MAX);
}

TEST(PathMtuTest, DataThatIsOnlySentAgainIsWaitedForAsWell) {
  PathMtu path;
  for (const double timer : {0, 1, 3}) EXPECT_FALSE(Send(path, After(timer), 0));
  EXPECT_TRUE(Send(path, After(7), 0));
}

// The rest of a stream that fills a datagram up may be sent again in a short one.
TEST(PathMtuTest, OfSeveralStreamsInADatagramTheOneWithMostBytesIsWaitedFor) {
  PathMtu path;
  for (const double timer : {0, 1, 3}) {
    EXPECT_FALSE(path.Check(After(timer), kTimeout));
    path.OnStreamData(kDownload, 1250);
    path.OnStreamData(kOther, 100);
    path.OnSent(kLong, kLong, After(timer));
    path.OnAcknowledged(kOther, UINT64_MAX);
  }
  EXPECT_TRUE(Send(path, After(7)));
}

TEST(PathMtuTest, AStreamThatIsGoneIsNotWaitedFor) {
  PathMtu path;
  for (const double timer : {0, 1, 3}) Send(path, After(timer));
  path.OnStreamGone(kDownload);
  EXPECT_FALSE(Send(path, After(7)));
}

// After persistent congestion ngtcp2 begins with the timeout of a new connection, about a second.
TEST(PathMtuTest, ATimeoutThatGrowsMeanwhileIsNotWaitedFor) {
  PathMtu path;
  for (const double timer : {0, 1, 3}) Send(path, After(timer));
  EXPECT_TRUE(path.Check(After(7), kTimeout * 20));
}

TEST(PathMtuTest, ANewPathIsTriedWithLongDatagramsAgain) {
  PathMtu path;
  for (const double timer : {0, 1, 3, 7}) Send(path, After(timer));
  ASSERT_EQ(path.limit(), 1200U);
  path.OnNewPath();
  EXPECT_EQ(path.limit(), SIZE_MAX);
  for (const double timer : {10, 11, 13}) EXPECT_FALSE(Send(path, After(timer)));
  EXPECT_TRUE(Send(path, After(17)));
}

TEST(PathMtuTest, AProbeIsWorthItOnceMoreIsSentThanFitsIntoTheFirstWindow) {
  PathMtu path;
  EXPECT_FALSE(path.worth_probing());
  path.OnStreamData(kOther, 1000);
  path.OnStreamGone(kOther);
  path.OnStreamData(kDownload, PathMtu::kWorthProbing - 1001);
  EXPECT_FALSE(path.worth_probing());
  path.OnStreamData(kDownload, 1);
  EXPECT_TRUE(path.worth_probing());
  path.OnNewPath();
  EXPECT_TRUE(path.worth_probing())
      << "what a connection is used for does not change with the path";
}

// Streams of which everything is acknowledged in the end, each in order.
class Traffic {
 public:
  explicit Traffic(PathMtu& path) : path_(path) {}

  // Sends one datagram, of new bytes or, if something is under way, of old ones; `late` after now
  // its bytes are acknowledged.
  void Send(int64_t stream, size_t bytes, MonoTime now, Micros late) {
    if (bytes == 0 && in_flight_ == 0) bytes = 1;
    if (bytes > 0) {
      path_.OnStreamData(stream, bytes);
      written_[stream] += bytes;
      std::deque<Due>& due = due_[stream];
      due.push_back({std::max(now + late, due.empty() ? now : due.back().at), written_[stream]});
      ++in_flight_;
    }
    path_.OnSent(std::min(kLong, path_.limit()), kLong, now);
  }
  void Deliver(MonoTime now) {
    for (auto& [stream, due] : due_) {
      for (; !due.empty() && due.front().at <= now; due.pop_front(), --in_flight_) {
        path_.OnAcknowledged(stream, due.front().end);
      }
    }
  }

 private:
  struct Due {
    MonoTime at;
    uint64_t end;
  };
  PathMtu& path_;
  std::map<int64_t, uint64_t> written_;
  std::map<int64_t, std::deque<Due>> due_;
  size_t in_flight_ = 0;
};

RC_GTEST_PROP(PathMtuProperty, ALossyPathThatTakesLongDatagramsKeepsThem, ()) {
  PathMtu path;
  Traffic traffic(path);
  MonoTime now = kBegin;
  const auto any = [](int64_t end) { return *rc::gen::inRange<int64_t>(0, end); };
  for (int64_t steps = any(60); steps > 0; --steps) {
    now += Micros(any(2 * kTimeout.count()));
    traffic.Deliver(now);
    RC_ASSERT(!path.Check(now, kTimeout));
    for (int64_t datagrams = any(4); datagrams > 0; --datagrams) {
      traffic.Send(4 * any(3), static_cast<size_t>(any(1380)), now,
                   Micros(any(7 * kTimeout.count())));
    }
  }
}

RC_GTEST_PROP(PathMtuProperty, ABlackHoleIsFoundWhateverElseGetsThrough, ()) {
  PathMtu path;
  MonoTime now = kBegin;
  uint64_t acknowledged = 0;
  const auto any = [](int64_t end) { return *rc::gen::inRange<int64_t>(0, end); };
  while (!path.Check(now, kTimeout)) {
    RC_ASSERT(now < After(7 + 2));
    path.OnStreamData(kDownload, 1250);
    if (any(2) == 1) path.OnStreamData(kOther, 100);
    path.OnSent(kLong, kLong, now);
    const auto bytes = static_cast<size_t>(any(1150));
    path.OnStreamData(kOther, bytes);
    path.OnSent(bytes + 40, kLong, now);
    path.OnAcknowledged(kOther, acknowledged += bytes);
    now += kTimeout / 10 * (1 + any(20));
  }
  RC_ASSERT(now >= After(7));
  RC_ASSERT(path.limit() == PathMtu::kBase);
}

}  // namespace
}  // namespace lockstep::agent::quicd::server
