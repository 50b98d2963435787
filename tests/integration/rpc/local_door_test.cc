// Who gets through a unix socket, and what becomes of sockets that are left behind.
#include "common/rpc/local_door.h"

#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>

#include "common/base/fd.h"
#include "common/rpc/local_server.h"
#include "common/rpc/settings.h"
#include "lockstep/hook/v1/hook.grpc.pb.h"

namespace lockstep::rpc {
namespace {

// Answers Cleanup at once.
class Answering final : public hook::v1::HookService::CallbackService {
  grpc::ServerUnaryReactor* Cleanup(grpc::CallbackServerContext* context,
                                    const hook::v1::CleanupRequest*,
                                    hook::v1::CleanupResponse*) override {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

class LocalDoorTest : public ::testing::Test {
 protected:
  LocalDoorTest() {
    char pattern[] = "/tmp/lockstep-door-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    path_ = directory_ + "/run/door/door.sock";
  }
  ~LocalDoorTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }
  Status Start(
      LocalDoor::Admission admission = [](const LocalPeer&) { return Status::Ok(); },
      std::optional<gid_t> group = {}) {
    auto started = LocalServer::Start({.name = "test", .path = path_, .group = group},
                                      std::move(admission), {&service_});
    if (!started.ok()) return started.status();
    server_ = *std::move(started);
    return Status::Ok();
  }
  grpc::Status Call() {
    auto client = hook::v1::HookService::NewStub(grpc::CreateCustomChannel(
        "unix:" + path_, grpc::InsecureChannelCredentials(), LocalChannelArguments()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + Seconds(5));
    hook::v1::CleanupResponse response;
    return client->Cleanup(&context, {}, &response);
  }
  Fd Connect() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
  mode_t ModeOf(const std::string& path) const {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777U;
  }

  std::string directory_;
  std::string path_;
  Answering service_;
  std::unique_ptr<LocalServer> server_;
};

TEST_F(LocalDoorTest, LetsInWhomItAdmitsAndKnowsWhoItIs) {
  std::promise<LocalPeer> seen;
  ASSERT_TRUE(Start([&](const LocalPeer& peer) {
                seen.set_value(peer);
                return Status::Ok();
              }).ok());
  EXPECT_TRUE(Call().ok());
  const LocalPeer peer = seen.get_future().get();
  EXPECT_EQ(peer.uid, ::geteuid());
  EXPECT_EQ(peer.gid, ::getegid());
  EXPECT_EQ(peer.pid, ::getpid());
}

TEST_F(LocalDoorTest, ClosesTheConnectionOfWhomItDoesNotAdmit) {
  ASSERT_TRUE(Start([](const LocalPeer&) { return PermissionDenied("not you"); }).ok());
  EXPECT_EQ(Call().error_code(), grpc::StatusCode::UNAVAILABLE);
  const Fd fd = Connect();
  char byte = 0;
  EXPECT_EQ(::read(fd.get(), &byte, 1), 0);
}

TEST_F(LocalDoorTest, SeesAForeignUidThroughOpenPermissions) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another uid";
  constexpr uid_t kNobody = 65534;
  std::promise<uid_t> refused;
  ASSERT_TRUE(Start([&](const LocalPeer& peer) -> Status {
                if (peer.uid == ::geteuid()) return Status::Ok();
                refused.set_value(peer.uid);
                return PermissionDenied("uid " + std::to_string(peer.uid));
              }).ok());
  // Somebody has opened the doors of the file system: the door itself still looks.
  for (const std::string& name :
       {directory_, directory_ + "/run", directory_ + "/run/door", path_}) {
    ASSERT_EQ(::chmod(name.c_str(), 0777), 0);
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  const pid_t child = ::fork();
  if (child == 0) {  // only system calls from here
    if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) ::_exit(2);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) ::_exit(3);
    char byte = 0;
    ::_exit(::read(fd, &byte, 1) == 0 ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(refused.get_future().get(), kNobody);
  EXPECT_TRUE(Call().ok());
}

TEST_F(LocalDoorTest, KeepsSocketAndDirectoryToItselfOrToItsGroup) {
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(ModeOf(path_), 0600U);
  EXPECT_EQ(ModeOf(directory_ + "/run/door"), 0700U);
  server_.reset();
  ASSERT_TRUE(Start([](const LocalPeer&) { return Status::Ok(); }, ::getegid()).ok());
  EXPECT_EQ(ModeOf(path_), 0660U);
  EXPECT_EQ(ModeOf(directory_ + "/run/door"), 0750U);
}

TEST_F(LocalDoorTest, ReplacesASocketThatNobodyListensOn) {
  std::filesystem::create_directories(directory_ + "/run/door");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  {
    const Fd left(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(left.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ASSERT_TRUE(Start().ok());
  EXPECT_TRUE(Call().ok());
}

TEST_F(LocalDoorTest, LeavesASocketThatIsServedAlone) {
  ASSERT_TRUE(Start().ok());
  const auto second = LocalDoor::Open({.name = "test", .path = path_, .group = {}},
                                      [](const LocalPeer&) { return Status::Ok(); });
  EXPECT_EQ(second.status(), AlreadyExists("another process serves " + path_));
  EXPECT_TRUE(Call().ok());
}

TEST_F(LocalDoorTest, ReplacesNothingThatIsNoSocket) {
  std::filesystem::create_directories(directory_ + "/run/door");
  std::ofstream(path_) << "precious";
  EXPECT_EQ(Start(), FailedPrecondition(path_ + " exists and is no socket"));
}

TEST_F(LocalDoorTest, SaysWhenThePathIsTooLong) {
  path_ = directory_ + "/" + std::string(120, 'x') + "/door.sock";
  EXPECT_EQ(Start().code(), Code::kInvalidArgument);
}

TEST_F(LocalDoorTest, RemovesItsSocketWhenItCloses) {
  ASSERT_TRUE(Start().ok());
  server_->Stop();
  EXPECT_FALSE(std::filesystem::exists(path_));
  server_->Stop();
}

TEST_F(LocalDoorTest, GarbageDisturbsNobody) {
  ASSERT_TRUE(Start().ok());
  for (int i = 0; i < 50; ++i) {
    const Fd fd = Connect();
    const std::string garbage(10'000, static_cast<char>(i));
    (void)::send(fd.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
  }
  EXPECT_TRUE(Call().ok());
}

}  // namespace
}  // namespace lockstep::rpc
