#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <memory>

#include "common/probe/probe.h"
#include "tests/fakes/loopback/servers.h"

namespace lockstep::probe {
namespace {

using fakes::HttpServer;
using fakes::ReadHead;
using fakes::RefusedEndpoint;
using fakes::Reset;
using fakes::TcpBlackHole;
using fakes::TcpServer;
using fakes::WriteAll;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

HttpRequest RequestTo(const Endpoint& target) {
  HttpRequest out;
  out.route.target = target;
  out.host = *Hostname::Parse("www.example.test");
  return out;
}

TEST(HttpGetTest, ReturnsStatusBodyAndHeaders) {
  HttpServer server(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nAlt-Svc: h3=\":443\"; ma=60\r\n"
      "ALT-SVC:h2=\":444\"\r\n\r\nhello");
  const HttpObservation seen = HttpGet(RequestTo(server.endpoint()));
  EXPECT_EQ(seen.error, "");
  EXPECT_TRUE(seen.connected);
  EXPECT_EQ(seen.status_code, 200);
  EXPECT_EQ(seen.body, "hello");
  EXPECT_FALSE(seen.truncated);
  EXPECT_EQ(seen.FindHeader("content-length"), "5");
  EXPECT_EQ(seen.FindHeader("alt-svc"), "h3=\":443\"; ma=60, h2=\":444\"");
  EXPECT_EQ(seen.FindHeader("location"), std::nullopt);
  EXPECT_EQ(seen.remote, server.endpoint());
  EXPECT_GT(seen.elapsed.count(), 0);
}

TEST(HttpGetTest, AsksForTheHostWithoutPortAndSendsThePathAsItIs) {
  HttpServer server("HTTP/1.1 204 No Content\r\n\r\n");
  HttpRequest request = RequestTo(server.endpoint());
  request.path = "/a/../%2e/b?x=1";
  request.headers = {{"X-Hop", "1"}, {"X-Empty", ""}, {"user-agent", "rehearsal"}};
  EXPECT_EQ(HttpGet(request).error, "");
  EXPECT_THAT(server.last_request(), StartsWith("GET /a/../%2e/b?x=1 HTTP/1.1\r\n"));
  EXPECT_THAT(server.last_request(), HasSubstr("\r\nHost: www.example.test\r\n"));
  EXPECT_THAT(server.last_request(), HasSubstr("\r\nX-Hop: 1\r\n"));
  EXPECT_THAT(server.last_request(), HasSubstr("\r\nX-Empty:\r\n"));
  EXPECT_THAT(server.last_request(), HasSubstr("\r\nuser-agent: rehearsal\r\n"));
  EXPECT_THAT(server.last_request(), Not(HasSubstr("lockstep-probe")));
}

TEST(HttpGetTest, DoesNotFollowRedirects) {
  HttpServer server(
      "HTTP/1.1 301 Moved\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n");
  const HttpObservation seen = HttpGet(RequestTo(server.endpoint()));
  EXPECT_EQ(seen.error, "");
  EXPECT_EQ(seen.status_code, 301);
  EXPECT_EQ(seen.FindHeader("location"), "http://elsewhere.test/");
}

TEST(HttpGetTest, IgnoresProxiesOfTheEnvironment) {
  HttpServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const std::string proxy = "http://" + RefusedEndpoint(SOCK_STREAM).ToString();
  ::setenv("http_proxy", proxy.c_str(), 1);
  ::setenv("ALL_PROXY", proxy.c_str(), 1);
  const HttpObservation seen = HttpGet(RequestTo(server.endpoint()));
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
  EXPECT_EQ(seen.error, "");
  EXPECT_EQ(seen.body, "ok");
}

TEST(HttpGetTest, DecodesChunksAndForgetsInterimHeads) {
  HttpServer server(
      "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\nAlt-Svc: clear\r\n\r\n");
  const HttpObservation seen = HttpGet(RequestTo(server.endpoint()));
  EXPECT_EQ(seen.error, "");
  EXPECT_EQ(seen.status_code, 200);
  EXPECT_EQ(seen.body, "abcde");
  EXPECT_EQ(seen.FindHeader("link"), std::nullopt);
  EXPECT_EQ(seen.FindHeader("alt-svc"), std::nullopt) << "a trailer is no header";
}

TEST(HttpGetTest, KeepsTheBeginningOfABodyThatIsTooLong) {
  const std::string body(100'000, 'x');
  HttpServer server("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body);
  HttpRequest request = RequestTo(server.endpoint());
  request.max_body_bytes = 1000;
  const HttpObservation seen = HttpGet(request);
  EXPECT_EQ(seen.error, "");
  EXPECT_TRUE(seen.truncated);
  EXPECT_EQ(seen.body, std::string(1000, 'x'));
}

TEST(HttpGetTest, TakesABodyOfExactlyTheLimit) {
  HttpServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  HttpRequest request = RequestTo(server.endpoint());
  request.max_body_bytes = 5;
  const HttpObservation seen = HttpGet(request);
  EXPECT_EQ(seen.error, "");
  EXPECT_FALSE(seen.truncated);
  EXPECT_EQ(seen.body, "hello");
}

TEST(HttpGetTest, RefusesAHeadWithoutEnd) {
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 2000; ++i) {
    head += "X-Filler-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n";
  }
  HttpServer server(head);
  const HttpObservation seen = HttpGet(RequestTo(server.endpoint()));
  EXPECT_THAT(seen.error, HasSubstr("the head of the answer has more than 64 KiB or 256 fields"));
}

TEST(HttpGetTest, SaysConnectionRefused) {
  const Endpoint target = RefusedEndpoint(SOCK_STREAM);
  const HttpObservation seen = HttpGet(RequestTo(target));
  EXPECT_FALSE(seen.connected);
  EXPECT_EQ(seen.error, "connect to " + target.ToString() + ": Connection refused");
}

TEST(HttpGetTest, EndsAtTheDeadlineWhenNobodyAnswers) {
  TcpBlackHole hole;
  HttpRequest request = RequestTo(hole.endpoint());
  request.route.deadline = Millis(60);
  const HttpObservation seen = HttpGet(request);
  EXPECT_FALSE(seen.connected);
  EXPECT_THAT(seen.error, HasSubstr("no answer within the deadline"));
  EXPECT_GE(seen.elapsed, Millis(60));
  EXPECT_LT(seen.elapsed, Seconds(2));
}

TEST(HttpGetTest, EndsAtTheDeadlineWhenTheServerStaysSilent) {
  TcpServer server([](int fd) { ReadHead(fd), ReadHead(fd); });
  HttpRequest request = RequestTo(server.endpoint());
  request.route.deadline = Millis(60);
  const HttpObservation seen = HttpGet(request);
  EXPECT_TRUE(seen.connected);
  EXPECT_THAT(seen.error, HasSubstr("no answer within the deadline"));
  EXPECT_LT(seen.elapsed, Seconds(2));
}

TEST(HttpGetTest, EndsWhenStopped) {
  std::stop_source stop;
  TcpServer server([&stop](int fd) {
    ReadHead(fd);
    stop.request_stop();
    ReadHead(fd);
  });
  const HttpObservation seen = HttpGet(RequestTo(server.endpoint()), stop.get_token());
  EXPECT_THAT(seen.error, HasSubstr("stopped"));
  EXPECT_LT(seen.elapsed, Seconds(2));
}

TEST(HttpGetTest, ReportsGarbage) {
  HttpServer server("SSH-2.0-OpenSSH_9.2\r\n");
  const HttpObservation seen = HttpGet(RequestTo(server.endpoint()));
  EXPECT_TRUE(seen.connected);
  EXPECT_EQ(seen.status_code, 0);
  EXPECT_NE(seen.error, "");
}

TEST(HttpGetTest, ReportsAResetInTheMiddleAndKeepsWhatCame) {
  TcpServer server([](int fd) {
    ReadHead(fd);
    WriteAll(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf");
    Reset(fd);
  });
  const HttpObservation seen = HttpGet(RequestTo(server.endpoint()));
  EXPECT_TRUE(seen.connected);
  EXPECT_NE(seen.error, "");
}

TEST(HttpGetTest, ReportsABodyThatEndsTooEarly) {
  HttpServer server("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf");
  const HttpObservation seen = HttpGet(RequestTo(server.endpoint()));
  EXPECT_EQ(seen.status_code, 200);
  EXPECT_EQ(seen.body, "half");
  EXPECT_NE(seen.error, "");
}

TEST(HttpGetTest, ComesFromTheSourceAddress) {
  std::string peer;
  auto server = std::make_unique<TcpServer>([&peer](int fd) {
    sockaddr_storage from;
    socklen_t length = sizeof from;
    ::getpeername(fd, reinterpret_cast<sockaddr*>(&from), &length);
    peer = IpAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&from))->ToString();
    ReadHead(fd);
    WriteAll(fd, "HTTP/1.1 204 No Content\r\n\r\n");
  });
  HttpRequest request = RequestTo(server->endpoint());
  request.route.source = *IpAddress::Parse("127.0.0.7");
  EXPECT_EQ(HttpGet(request).error, "");
  server.reset();  // joins its thread, which wrote `peer`
  EXPECT_EQ(peer, "127.0.0.7");
}

TEST(HttpGetTest, NamesASourceAddressThatCannotBeUsed) {
  HttpRequest request = RequestTo(*Endpoint::Parse("127.0.0.1:80"));
  request.route.source = *IpAddress::Parse("192.0.2.1");
  EXPECT_EQ(HttpGet(request).error,
            "bind to source address 192.0.2.1: Cannot assign requested address");
  request.route.source = *IpAddress::Parse("::1");
  EXPECT_EQ(HttpGet(request).error,
            "source address ::1 and target 127.0.0.1:80 are of different families");
}

TEST(HttpGetTest, SendsNothingForARequestThatCouldSmuggle) {
  HttpRequest request = RequestTo(RefusedEndpoint(SOCK_STREAM));
  request.path = "/x HTTP/1.1\r\nX: y";
  EXPECT_THAT(HttpGet(request).error, StartsWith("path \"/x HTTP/1.1\\x0d\\x0aX: y\" must"));
  request.path = "x";
  EXPECT_THAT(HttpGet(request).error, StartsWith("path \"x\" must"));
  request.path = "/";
  request.headers = {{"X-A", "1\r\nX-B: 2"}};
  EXPECT_EQ(HttpGet(request).error, "header \"X-A\" cannot be sent");
  for (const char* name : {"", "Host", "X A", "X:A", "X-A\r\nX-B"}) {
    request.headers = {{name, "1"}};
    EXPECT_THAT(HttpGet(request).error, HasSubstr("cannot be sent")) << name;
  }
  request.headers.clear();
  request.host = {};
  EXPECT_EQ(HttpGet(request).error, "the request names no host");
}

}  // namespace
}  // namespace lockstep::probe
