#include "common/net/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/fakes/temp_directory.h"

namespace lockstep::net {
namespace {

class UnixSocketTest : public ::testing::Test {
 protected:
  const fakes::TempDirectory directory_;
  const std::string path_ = directory_ / "some.sock";
};

TEST_F(UnixSocketTest, WhoListensAndWhoConnectsKnowEachOther) {
  const Result<Fd> listener = ListenUnix(path_, {.mode = 0660});
  ASSERT_TRUE(listener.ok()) << listener.status();
  const Result<Fd> connection = ConnectUnix(path_);
  ASSERT_TRUE(connection.ok()) << connection.status();
  const Result<LocalPeer> peer = PeerOf(connection->get());
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(peer->uid, ::geteuid());
  EXPECT_EQ(peer->pid, ::getpid());
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660u);
}

TEST_F(UnixSocketTest, ASocketThatNobodyListensOnIsReplacedAndABusyOneIsNot) {
  ASSERT_TRUE(ListenUnix(path_, {}).ok());  // closed at once: its file stays
  const Result<Fd> listener = ListenUnix(path_, {.backlog = 0});
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ(ListenUnix(path_, {}).status(), AlreadyExists("another process serves " + path_));
  // Whoever has no room for one more is there all the same.
  std::vector<Fd> waiting;
  while (true) {
    Result<Fd> one = ConnectUnix(path_);
    if (!one.ok()) break;
    waiting.push_back(*std::move(one));
    ASSERT_LT(waiting.size(), 1000u);
  }
  EXPECT_EQ(ListenUnix(path_, {}).status(), AlreadyExists("another process serves " + path_));
}

TEST_F(UnixSocketTest, WhatIsNoSocketStays) {
  std::ofstream(path_) << "somebody's";
  EXPECT_EQ(ListenUnix(path_, {}).status(), FailedPrecondition(path_ + " exists and is no socket"));
  EXPECT_EQ(ConnectUnix(path_).status().code(), Code::kUnavailable);
}

TEST_F(UnixSocketTest, APathWithoutRoomIsRefused) {
  const std::string longer = path_ + std::string(108, 'x');
  EXPECT_EQ(ListenUnix(longer, {}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ConnectUnix(longer).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace lockstep::net
