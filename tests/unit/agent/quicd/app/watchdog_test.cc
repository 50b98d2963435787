#include "agent/quicd/app/watchdog.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::quicd::app {
namespace {

// The service manager's side.
class WatchdogTest : public ::testing::Test {
 protected:
  WatchdogTest() : manager_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    LS_CHECK(::bind(manager_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
    ::setenv("WATCHDOG_USEC", "3000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  }
  ~WatchdogTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }
  std::string Heard(int flags = 0) {
    char buffer[64];
    const ssize_t size = ::recv(manager_.get(), buffer, sizeof buffer, flags);
    return size < 0 ? "" : std::string(buffer, static_cast<size_t>(size));
  }

  fakes::TempDirectory directory_;
  const std::string path_ = directory_ / "notify";
  Fd manager_;
  std::unique_ptr<loop::Loop> loop_ = *loop::Loop::Create();
};

TEST_F(WatchdogTest, TellsTheManagerAgainAndAgainWhileTheLoopTurns) {
  auto watchdog = Watchdog::FromEnvironment(*loop_);
  ASSERT_TRUE(watchdog.ok()) << watchdog.status();
  ASSERT_NE(*watchdog, nullptr);
  EXPECT_EQ(Heard(), "WATCHDOG=1");
  EXPECT_EQ(Heard(MSG_DONTWAIT), "") << "the loop does not turn";
  loop_->At(loop_->now() + Millis(50), [this] { loop_->Stop(); });
  loop_->Run();
  EXPECT_EQ(Heard(), "WATCHDOG=1");
  EXPECT_EQ(Heard(), "WATCHDOG=1");
}

TEST_F(WatchdogTest, SaysNothingWhereNobodyWatchesOrAnotherIsMeant) {
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(*Watchdog::FromEnvironment(*loop_), nullptr);
  ::unsetenv("WATCHDOG_PID");
  ::unsetenv("WATCHDOG_USEC");
  EXPECT_EQ(*Watchdog::FromEnvironment(*loop_), nullptr);
  ::setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(*Watchdog::FromEnvironment(*loop_), nullptr);
}

TEST_F(WatchdogTest, AManagerThatIsNotThereIsAnError) {
  ::setenv("NOTIFY_SOCKET", (directory_ / "nothing").c_str(), 1);
  EXPECT_FALSE(Watchdog::FromEnvironment(*loop_).ok());
}

}  // namespace
}  // namespace lockstep::agent::quicd::app
