#include "common/base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace lockstep {
namespace {

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }
int OpenOne() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(FdTest, ClosesWhatItHolds) {
  const int number = OpenOne();
  {
    const Fd fd(number);
    EXPECT_TRUE(fd.valid());
    EXPECT_TRUE(IsOpen(number));
  }
  EXPECT_FALSE(IsOpen(number));
}

TEST(FdTest, AMoveLeavesNothingBehind) {
  Fd first(OpenOne());
  const int number = first.get();
  Fd second(std::move(first));
  // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): that is what is tested
  EXPECT_FALSE(first.valid());
  EXPECT_EQ(second.get(), number);
  Fd third(OpenOne());
  const int replaced = third.get();
  third = std::move(second);
  EXPECT_EQ(third.get(), number);
  EXPECT_FALSE(IsOpen(replaced));
}

TEST(FdTest, ReleaseGivesTheDescriptorAway) {
  Fd fd(OpenOne());
  const int number = fd.Release();
  EXPECT_FALSE(fd.valid());
  EXPECT_TRUE(IsOpen(number));
  fd.Reset(number);
  fd.Reset();
  EXPECT_FALSE(IsOpen(number));
}

}  // namespace
}  // namespace lockstep
