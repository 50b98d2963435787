#include "controller/witness/rehearsal_walk.h"

#include <gtest/gtest.h>

#include "tests/fakes/loopback/dns_server.h"
#include "tests/fakes/loopback/servers.h"

namespace lockstep::controller::witness {
namespace {

using probe::HttpScheme;

constexpr char kToken[] = "tokentokentoken1";
constexpr char kBody[] = "tokentokentoken1.thumbprint";

Target BaseTarget() {
  return {HttpScheme::kHttp, *Hostname::Parse("www.example.test"), 80,
          "/.well-known/acme-challenge/token"};
}
std::string Resolved(std::string_view location) {
  const auto target = ResolveLocation(BaseTarget(), location);
  return target.ok() ? target->ToString() : target.status().message();
}

TEST(ResolveLocationTest, FollowsWhatACaFollows) {
  EXPECT_EQ(Resolved("http://a.example.test/x"), "http://a.example.test:80/x");
  EXPECT_EQ(Resolved("HTTPS://a.example.test/x?y#z"), "https://a.example.test:443/x?y");
  EXPECT_EQ(Resolved("https://a.example.test"), "https://a.example.test:443/");
  EXPECT_EQ(Resolved("http://a.example.test:443/x"), "http://a.example.test:443/x");
  EXPECT_EQ(Resolved("http://a.example.test?q"), "http://a.example.test:80/?q");
  EXPECT_EQ(Resolved("//a.example.test/x"), "http://a.example.test:80/x");
  EXPECT_EQ(Resolved("/x#y"), "http://www.example.test:80/x");
  EXPECT_EQ(Resolved("other"), "http://www.example.test:80/.well-known/acme-challenge/other");
}

TEST(ResolveLocationTest, AQueryAloneKeepsThePath) {
  EXPECT_EQ(Resolved("?x=1"), "http://www.example.test:80/.well-known/acme-challenge/token?x=1");
}

TEST(ResolveLocationTest, DotSegmentsAreTakenOut) {
  EXPECT_EQ(Resolved("../x/./y"), "http://www.example.test:80/.well-known/x/y");
  EXPECT_EQ(Resolved("/a/../../b/?q=../c"), "http://www.example.test:80/b/?q=../c");
  EXPECT_EQ(Resolved("."), "http://www.example.test:80/.well-known/acme-challenge/");
  EXPECT_EQ(Resolved("/.."), "http://www.example.test:80/");
}

TEST(ResolveLocationTest, RefusesWhatACaDoesNotFollow) {
  for (const char* location :
       {"ftp://a.example.test/", "javascript:alert(1)", "", "http://a.example.test:8080/",
        "http://a.example.test:x/", "http://user@a.example.test/", "http://user:pw@a.example.test/",
        "http://127.0.0.1/", "http://[::1]/", "http://[::1]:80/", "http:///x"}) {
    EXPECT_FALSE(ResolveLocation(BaseTarget(), location).ok()) << location;
  }
}

// A name server and a web server on 127.0.0.1 play the whole world.
class RehearsalWalkTest : public ::testing::Test {
 protected:
  Status Fetch(const std::string& answer,
               std::vector<std::string> records = {"www.example.test. 60 IN A 127.0.0.1",
                                                   "b.example.test. 60 IN A 192.0.2.1",
                                                   "c.example.test. 60 IN AAAA fe80::1"}) {
    fakes::DnsServer dns(std::move(records));
    fakes::HttpServer http(answer);
    RehearsalOptions options;
    options.service_addresses = {*IpAddress::Parse("127.0.0.1")};
    options.http_port = options.https_port = http.endpoint().port;
    const dns::Resolver resolver({{dns.endpoint()}});
    const RehearsalWalk walk(options, resolver, Clock::System().Mono() + Seconds(10), {});
    model::Challenge challenge;
    challenge.host = *Hostname::Parse("www.example.test");
    challenge.token = *ChallengeToken::Parse(kToken);
    challenge.key_authorization = kBody;
    Status out = walk.Fetch(challenge, *IpAddress::Parse("127.0.0.1"));
    asked_ = http.last_request();
    return out;
  }
  static std::string Answer(const std::string& head, const std::string& body) {
    return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n\r\n" + body;
  }
  std::string asked_;
};

TEST_F(RehearsalWalkTest, TheRightBytesPassAlsoWithSpaceAfterThem) {
  EXPECT_EQ(Fetch(Answer("200 OK", std::string(kBody) + "\r\n ")), Status::Ok());
  EXPECT_EQ(asked_.find("GET /.well-known/acme-challenge/tokentokentoken1 "), 0u);
  EXPECT_NE(asked_.find("Host: www.example.test\r\n"), std::string::npos) << asked_;
}

TEST_F(RehearsalWalkTest, OtherBytesAreSaid) {
  EXPECT_EQ(
      Fetch(Answer("200 OK", "hello")).message(),
      "www.example.test on 127.0.0.1: answered with other bytes (\"hello\"); some other server "
      "answers there");
  EXPECT_EQ(Fetch(Answer("404 Not Found", "")).message(),
            "www.example.test on 127.0.0.1: answered 404, not 200; some other server or node "
            "answers there");
}

TEST_F(RehearsalWalkTest, ALoopEndsAfterTenRedirects) {
  const Status looped = Fetch(Answer("302 Found\r\nLocation: /again", ""));
  EXPECT_EQ(
      looped.message(),
      "www.example.test: more than 10 redirects, the last to http://www.example.test:80/again");
}

TEST_F(RehearsalWalkTest, AForeignAddressIsReportedAndNeverDialled) {
  const Status foreign = Fetch(Answer("302 Found\r\nLocation: http://b.example.test/x", ""));
  EXPECT_EQ(foreign.message(),
            "b.example.test points to 192.0.2.1, which is no service address of this fleet; "
            "correct its DNS records");
}

TEST_F(RehearsalWalkTest, ALinkLocalAddressIsReportedAndNeverDialled) {
  const Status foreign = Fetch(Answer("302 Found\r\nLocation: http://c.example.test/x", ""));
  EXPECT_NE(foreign.message().find("a link-local address"), std::string::npos) << foreign;
}

TEST_F(RehearsalWalkTest, ARedirectToAnotherPortIsRefused) {
  EXPECT_EQ(Fetch(Answer("302 Found\r\nLocation: http://www.example.test:8080/", "")).message(),
            "www.example.test: redirects to \"http://www.example.test:8080/\", and a CA follows "
            "only to ports 80 and 443");
}

}  // namespace
}  // namespace lockstep::controller::witness
