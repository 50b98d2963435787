// Challenge files behind a real Caddy: hit, miss, everything that is no challenge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/loopback/servers.h"
#include "tests/integration/agent_caddy/real_caddy.h"
#include "tests/integration/agent_caddy/unix_server.h"

namespace lockstep::agent::drivers::caddy {
namespace {

using ::testing::HasSubstr;

const std::string kPrefix = "/.well-known/acme-challenge/";
const std::string kToken = "aaaaaaaaaaaaaaaaaaaa_-A1";
const std::string kMissed = "bbbbbbbbbbbbbbbbbbbb";

class CaddyChallengeTest : public ::testing::Test {
 protected:
  CaddyChallengeTest() {
    std::filesystem::create_directory(caddy_.home() / "challenges");
    Write(caddy_.home() / "challenges/" + kToken, kToken + ".thumbprint");
    Write(caddy_.home() / "secret", "secret");
    desired_ = LoopbackDesired();
    desired_.sites = {PresetSite("www.example.test", "preset", false)};
  }
  void Serve() {
    CaddyDriver driver(caddy_.Options());
    ASSERT_EQ(driver.Apply(desired_, nullptr), Status::Ok());
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  WebAnswer Get(const std::string& path, const std::string& host = "www.example.test",
                const std::string& method = "GET") {
    WebRequest request{caddy_.http_port(), host, path};
    request.method = method;
    return Ask(request);
  }

  RealCaddy caddy_;
  reconcile::Desired desired_;
};

TEST_F(CaddyChallengeTest, ServesTheFileWhateverTheHost) {
  Serve();
  for (const std::string host : {"www.example.test", "new.example.test"}) {
    const WebAnswer answer = Get(kPrefix + kToken, host);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, kToken + ".thumbprint");
    EXPECT_EQ(answer.headers.count("content-type"), 1u);
    EXPECT_EQ(answer.Header("content-type"), "text/plain");
  }
  const WebAnswer head = Get(kPrefix + kToken, "www.example.test", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}

TEST_F(CaddyChallengeTest, AFileIsThereAndGoneWithoutAReload) {
  Serve();
  Write(caddy_.home() / "challenges/" + kMissed, "now");
  EXPECT_EQ(Get(kPrefix + kMissed).body, "now");
  std::filesystem::remove(caddy_.home() / "challenges/" + kMissed);
  EXPECT_NE(Get(kPrefix + kMissed).status, 200);
}

TEST_F(CaddyChallengeTest, AsksTheMissResponderWithTheRequestAsItCame) {
  const UnixServer miss(caddy_.home() / "miss.sock", [](const std::string&) {
    return HttpText(200, "from a peer", "Content-Type: application/octet-stream\r\n");
  });
  Serve();
  const WebAnswer answer = Get(kPrefix + kMissed + "?x=y");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "from a peer");
  EXPECT_EQ(answer.headers.count("content-type"), 1u);
  ASSERT_EQ(miss.requests().size(), 1u);
  EXPECT_THAT(miss.requests()[0], HasSubstr("GET " + kPrefix + kMissed + "?x=y HTTP/1.1\r\n"));
  EXPECT_THAT(miss.requests()[0], HasSubstr("Host: www.example.test"));
  EXPECT_THAT(miss.requests()[0], HasSubstr("X-Forwarded-For: 127.0.0.1\r\n"));
}

TEST_F(CaddyChallengeTest, AMissEverywhereGoesOnToAnOriginThatMayRunItsOwnChallenges) {
  const UnixServer miss(caddy_.home() / "miss.sock",
                        [](const std::string&) { return HttpText(404, "nobody has it"); });
  fakes::HttpServer origin(HttpText(200, "from the origin"));
  const Hostname host = *Hostname::Parse("own.example.test");
  desired_.sites.push_back(
      {"own", {host}, {}, reconcile::Upstream{{origin.endpoint().ToString()}, false}});
  Serve();
  EXPECT_EQ(Get(kPrefix + kMissed, "own.example.test").body, "from the origin");
  EXPECT_THAT(origin.last_request(), HasSubstr("GET " + kPrefix + kMissed + " HTTP/1.1\r\n"));
  const WebAnswer answer = Get(kPrefix + kMissed, "www.example.test");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, "nobody has it");
}

TEST_F(CaddyChallengeTest, WithoutAMissResponderAMissIsAnError) {
  Serve();
  EXPECT_EQ(Get(kPrefix + kMissed).status, 502);
}

TEST_F(CaddyChallengeTest, NothingElseLeavesTheDirectory) {
  const UnixServer miss(caddy_.home() / "miss.sock",
                        [](const std::string&) { return HttpText(404, "miss"); });
  Serve();
  for (const std::string& path :
       {kPrefix + "../secret", kPrefix + "..%2fsecret", kPrefix + "..%2f..%2f..%2f..%2fetc/passwd",
        kPrefix, kPrefix + "short", kPrefix + std::string(129, 'a'), kPrefix + kToken + "%00",
        kPrefix + kToken + "/", kPrefix + "%2e%2e/" + kToken, kPrefix + kToken + "%0a",
        std::string("/.well-known/acme-challenge")}) {
    const WebAnswer answer = Get(path);
    EXPECT_TRUE(answer.body == "preset" || answer.status == 308 || answer.status == 400)
        << path << ": " << answer.status << " " << answer.body;
  }
  EXPECT_TRUE(miss.requests().empty());
}

TEST_F(CaddyChallengeTest, OtherMethodsAreTheSitesBusiness) {
  Serve();
  for (const std::string method : {"POST", "PUT", "DELETE"}) {
    EXPECT_EQ(Get(kPrefix + kToken, "www.example.test", method).body, "preset") << method;
  }
}

TEST_F(CaddyChallengeTest, CaddysOwnSolverStaysOutOfTheLog) {
  Serve();
  Get(kPrefix + kToken);
  EXPECT_THAT(caddy_.Log(), Not(HasSubstr("\"level\":\"error\"")));
}

}  // namespace
}  // namespace lockstep::agent::drivers::caddy
