// The miss responder over its unix socket, as Caddy speaks to it and as nobody should.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "agent/challenge/miss_responder.h"
#include "common/base/fd.h"
#include "common/task/strand.h"
#include "tests/fakes/fake_publisher.h"
#include "tests/fakes/temp_directory.h"

namespace lockstep::agent::challenge {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kToken(22, 't');

class RightSource final : public ChallengeSource {
 public:
  std::string name() const override { return "controller"; }
  Result<std::string> Fetch(const Hostname&, const ChallengeToken& token, Micros,
                            std::stop_token) override {
    ++asked;
    if (token.str() != kToken) return NotFound("no such challenge");
    return token.str() + "." + fakes::FakePublisher::Thumbprint();
  }
  std::atomic<int> asked{0};
};

class MissResponderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MissRules rules;
    rules.pull = true;
    rules.thumbprint = fakes::FakePublisher::Thumbprint();
    rules.hosts = {"www.example.test"};
    strand.RunAndWait([&] { lookup.SetRules(rules); });
    Serve();
  }
  void TearDown() override {
    responder->Stop();
    pool.Stop();
    strand.Stop();
  }
  void Serve() {
    auto started =
        MissResponder::Start(path, [this](MissRequest request, std::function<void(MissAnswer)> to) {
          strand.Post([this, request = std::move(request), to = std::move(to)] {
            lookup.OnMiss(request, to);
          });
        });
    ASSERT_TRUE(started.ok()) << started.status();
    responder = *std::move(started);
  }
  Fd Connect() const {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval patience{5, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
  }
  // What comes back until the other side closes or falls silent.
  std::string Say(const std::string& bytes) const {
    const Fd fd = Connect();
    (void)::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    std::string out;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = ::recv(fd.get(), buffer, sizeof(buffer), 0)) > 0) {
      out.append(buffer, static_cast<size_t>(got));
    }
    return out;
  }
  std::string Ask(const std::string& target, const std::string& method = "GET",
                  const std::string& more = "") const {
    return Say(method + " " + target + " HTTP/1.1\r\nHost: www.example.test\r\n" + more +
               "Connection: close\r\n\r\n");
  }
  static std::string Target(const std::string& token = kToken) {
    return "/.well-known/acme-challenge/" + token;
  }

  fakes::TempDirectory directory;
  const std::string path = directory / "miss.sock";
  task::Strand strand{"agent"};
  task::WorkerPool pool{"miss", 4};
  RightSource source;
  std::unique_ptr<MissResponder> responder;
  MissLookup lookup{strand, pool, source, 1};
};

TEST_F(MissResponderTest, AnswersExactlyTheKeyAuthorization) {
  const std::string answer = Ask(Target());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + kToken + "." + fakes::FakePublisher::Thumbprint()));
}

TEST_F(MissResponderTest, HeadGetsTheSameWithoutABody) {
  const std::string answer = Ask(Target(), "HEAD");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(MissResponderTest, WhatIsNotLiveIsNotFound) {
  EXPECT_THAT(Ask(Target(std::string(22, 'x'))), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Ask("/../../etc/passwd"), StartsWith("HTTP/1.1 404"));
}

TEST_F(MissResponderTest, APeerAndAPostAskNobody) {
  EXPECT_THAT(Ask(Target(), "GET", "Lockstep-Hop: 1\r\n"), StartsWith("HTTP/1.1 410"));
  EXPECT_THAT(Ask(Target(), "POST", "Content-Length: 0\r\n"), StartsWith("HTTP/1.1 405"));
  EXPECT_EQ(source.asked, 0);
}

TEST_F(MissResponderTest, SurvivesGarbageAndFloods) {
  std::string noise(100'000, '\0');
  for (size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * 31 + i / 7);
  (void)Say(noise);
  (void)Say("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n");
  std::vector<Fd> open;
  for (int i = 0; i < 300; ++i) open.push_back(Connect());
  open.clear();
  EXPECT_THAT(Ask(Target()), StartsWith("HTTP/1.1 200"));
}

TEST_F(MissResponderTest, ManyAtOnceStayWithinTheRate) {
  std::vector<std::thread> clients;
  std::atomic<int> busy{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) {
        const std::string token =
            "token-" + std::to_string(i) + "-" + std::to_string(k) + "-padded";
        busy += Ask(Target(token)).starts_with("HTTP/1.1 503") ? 1 : 0;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_GT(busy, 0);
  EXPECT_LT(source.asked, 400);
  EXPECT_EQ(source.asked + busy, 400);
}

TEST_F(MissResponderTest, TheSocketIsForItsGroupAndReplacesAStaleOne) {
  struct stat about {};
  ASSERT_EQ(::stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0660u);
  responder->Stop();
  EXPECT_FALSE(std::filesystem::exists(path));
  const Fd stale(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(stale.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  Serve();
  EXPECT_THAT(Ask(Target()), StartsWith("HTTP/1.1 200"));
}

TEST_F(MissResponderTest, AFileInItsPlaceIsLeftAlone) {
  responder->Stop();
  std::filesystem::create_directory(path);
  const auto refused = MissResponder::Start(path, [](MissRequest, auto) {});
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(), HasSubstr("is no socket"));
}

}  // namespace
}  // namespace lockstep::agent::challenge
