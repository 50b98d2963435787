#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>

#include "common/probe/probe.h"
#include "tests/fakes/loopback/tls_server.h"

namespace lockstep::probe {
namespace {

using fakes::TestCertificate;
using fakes::TlsServer;
using fakes::TlsServerOptions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TlsRequest RequestTo(const Endpoint& target) {
  TlsRequest out;
  out.route.target = target;
  out.sni = *Hostname::Parse("www.example.test");
  return out;
}

TEST(TlsHandshakeTest, ShowsLeafChainAndAgreement) {
  const TestCertificate leaf = TestCertificate::Make({"www.example.test", "example.test"});
  const TestCertificate issuer = TestCertificate::Make({});
  TlsServerOptions options;
  options.chain = {issuer};
  TlsServer server(leaf, options);
  const TlsObservation seen = TlsHandshake(RequestTo(server.endpoint()));
  EXPECT_EQ(seen.error, "");
  EXPECT_TRUE(seen.connected);
  EXPECT_TRUE(seen.handshake);
  EXPECT_EQ(seen.certificate.leaf_sha256, leaf.Fingerprint());
  EXPECT_THAT(seen.certificate.chain_sha256, ElementsAre(issuer.Fingerprint()));
  EXPECT_EQ(seen.certificate.serial, "04d2");
  EXPECT_THAT(seen.certificate.dns_names, ElementsAre("www.example.test", "example.test"));
  EXPECT_EQ(seen.certificate.not_after - seen.certificate.not_before, std::chrono::hours(25));
  const auto left = seen.certificate.not_after - Clock::System().Now();
  EXPECT_GT(left, std::chrono::hours(23));
  EXPECT_LT(left, std::chrono::hours(25));
  EXPECT_EQ(seen.alpn, "h2");
  EXPECT_EQ(seen.version, "TLSv1.3");
  EXPECT_EQ(server.last_sni(), "www.example.test");
}

TEST(TlsHandshakeTest, SpeaksTls12) {
  TlsServerOptions options;
  options.max_version = TLS1_2_VERSION;
  TlsServer server(TestCertificate::Make({"a.test"}), options);
  const TlsObservation seen = TlsHandshake(RequestTo(server.endpoint()));
  EXPECT_EQ(seen.error, "");
  EXPECT_EQ(seen.version, "TLSv1.2");
}

TEST(TlsHandshakeTest, ShowsThatNoProtocolWasAgreedOn) {
  TlsServerOptions options;
  options.alpn = {};
  TlsServer server(TestCertificate::Make({"a.test"}), options);
  const TlsObservation seen = TlsHandshake(RequestTo(server.endpoint()));
  EXPECT_EQ(seen.error, "");
  EXPECT_TRUE(seen.handshake);
  EXPECT_EQ(seen.alpn, "");
}

TEST(TlsHandshakeTest, NamesTheAlertOfARefusedProtocol) {
  TlsServerOptions options;
  options.alpn = {"smtp"};
  TlsServer server(TestCertificate::Make({"a.test"}), options);
  const TlsObservation seen = TlsHandshake(RequestTo(server.endpoint()));
  EXPECT_TRUE(seen.connected);
  EXPECT_FALSE(seen.handshake);
  EXPECT_THAT(seen.error, HasSubstr("alert no application protocol"));
  EXPECT_EQ(seen.certificate.leaf_sha256, "");
}

TEST(TlsHandshakeTest, NamesTheAlertOfAServerWithoutCertificate) {
  TlsServerOptions options;
  options.with_certificate = false;
  TlsServer server(TestCertificate::Make({}), options);
  const TlsObservation seen = TlsHandshake(RequestTo(server.endpoint()));
  EXPECT_FALSE(seen.handshake);
  EXPECT_THAT(seen.error, HasSubstr("alert handshake failure"));
}

TEST(TlsHandshakeTest, SaysConnectionRefused) {
  const Endpoint target = fakes::RefusedEndpoint(SOCK_STREAM);
  const TlsObservation seen = TlsHandshake(RequestTo(target));
  EXPECT_FALSE(seen.connected);
  EXPECT_EQ(seen.error, "connect to " + target.ToString() + ": Connection refused");
}

TEST(TlsHandshakeTest, EndsAtTheDeadline) {
  fakes::TcpBlackHole hole;
  TlsRequest request = RequestTo(hole.endpoint());
  request.route.deadline = Millis(60);
  const TlsObservation nobody = TlsHandshake(request);
  EXPECT_FALSE(nobody.connected);
  EXPECT_THAT(nobody.error, HasSubstr("no answer within the deadline"));

  fakes::TcpServer silent([](int fd) { fakes::ReadHead(fd); });
  request.route.target = silent.endpoint();
  const TlsObservation seen = TlsHandshake(request);
  EXPECT_TRUE(seen.connected);
  EXPECT_THAT(seen.error, HasSubstr("no answer within the deadline"));
  EXPECT_LT(seen.elapsed, Seconds(2));
}

TEST(TlsHandshakeTest, EndsWhenStopped) {
  std::stop_source stop;
  fakes::TcpServer server([&stop](int fd) {
    char byte = 0;
    (void)::recv(fd, &byte, 1, 0);
    stop.request_stop();
    fakes::ReadHead(fd);
  });
  const TlsObservation seen = TlsHandshake(RequestTo(server.endpoint()), stop.get_token());
  EXPECT_THAT(seen.error, HasSubstr("stopped"));
}

TEST(TlsHandshakeTest, ReportsGarbage) {
  fakes::TcpServer garbage([](int fd) {
    char byte = 0;
    (void)::recv(fd, &byte, 1, 0);
    fakes::WriteAll(fd, std::string(200'000, 'x'));
  });
  const TlsObservation seen = TlsHandshake(RequestTo(garbage.endpoint()));
  EXPECT_TRUE(seen.connected);
  EXPECT_FALSE(seen.handshake);
  EXPECT_NE(seen.error, "");
  EXPECT_LT(seen.elapsed, Seconds(2));
}

TEST(TlsHandshakeTest, SurvivesAPeerThatClosesOrResets) {
  fakes::TcpServer closing([](int) {});
  const TlsObservation closed = TlsHandshake(RequestTo(closing.endpoint()));
  EXPECT_FALSE(closed.handshake);
  EXPECT_NE(closed.error, "");
  fakes::TcpServer resetting([](int fd) {
    char byte = 0;
    (void)::recv(fd, &byte, 1, 0);
    fakes::Reset(fd);
  });
  const TlsObservation reset = TlsHandshake(RequestTo(resetting.endpoint()));
  EXPECT_THAT(reset.error, HasSubstr("Connection reset by peer"));
}

TEST(TlsHandshakeTest, ManyAtATimeDoNotDisturbEachOther) {
  const TestCertificate leaf = TestCertificate::Make({"a.test"});
  TlsServer server(leaf, {});
  const Endpoint refused = fakes::RefusedEndpoint(SOCK_STREAM);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        EXPECT_EQ(TlsHandshake(RequestTo(server.endpoint())).certificate.leaf_sha256,
                  leaf.Fingerprint());
        EXPECT_THAT(TlsHandshake(RequestTo(refused)).error, HasSubstr("Connection refused"));
      }
    });
  }
}

TEST(TlsHandshakeTest, RefusesAnAlpnListThatCannotBeSent) {
  TlsRequest request = RequestTo(fakes::RefusedEndpoint(SOCK_STREAM));
  request.alpn = {""};
  EXPECT_EQ(TlsHandshake(request).error, "ALPN protocol \"\" must have 1-255 bytes");
}

TEST(HttpsGetTest, FetchesWithoutVerifying) {
  TlsServerOptions options;
  options.alpn = {};
  options.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  TlsServer server(TestCertificate::Make({"other.test"}), options);
  HttpRequest request;
  request.route.target = server.endpoint();
  request.scheme = HttpScheme::kHttps;
  request.host = *Hostname::Parse("www.example.test");
  const HttpObservation seen = HttpGet(request);
  EXPECT_EQ(seen.error, "");
  EXPECT_EQ(seen.body, "ok");
  EXPECT_EQ(server.last_sni(), "www.example.test");
}

TEST(HttpsGetTest, RaisesNoSigpipeWhenThePeerIsGone) {
  std::signal(SIGPIPE, SIG_DFL);
  fakes::TcpServer resetting([](int fd) {
    char byte = 0;
    (void)::recv(fd, &byte, 1, 0);
    fakes::Reset(fd);
  });
  HttpRequest request;
  request.route.target = resetting.endpoint();
  request.scheme = HttpScheme::kHttps;
  request.host = *Hostname::Parse("www.example.test");
  for (int i = 0; i < 20; ++i) EXPECT_NE(HttpGet(request).error, "");
}

}  // namespace
}  // namespace lockstep::probe
