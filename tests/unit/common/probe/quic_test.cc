// The failures of QuicHandshake. Its successes need a QUIC server: tests/integration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/probe/probe.h"
#include "tests/fakes/loopback/servers.h"

namespace lockstep::probe {
namespace {

using fakes::UdpServer;
using ::testing::HasSubstr;

QuicRequest RequestTo(const Endpoint& target) {
  QuicRequest out;
  out.route.target = target;
  out.route.deadline = Millis(80);
  out.sni = *Hostname::Parse("www.example.test");
  return out;
}

TEST(QuicHandshakeTest, SaysConnectionRefused) {
  const QuicObservation seen = QuicHandshake(RequestTo(fakes::RefusedEndpoint(SOCK_DGRAM)));
  EXPECT_FALSE(seen.handshake);
  EXPECT_THAT(seen.error, HasSubstr("Connection refused"));
  EXPECT_FALSE(seen.transport_parameters.has_value());
  EXPECT_EQ(seen.certificate.leaf_sha256, "");
}

TEST(QuicHandshakeTest, EndsAtTheDeadlineWhenNobodyAnswers) {
  UdpServer silent("");
  const QuicObservation seen = QuicHandshake(RequestTo(silent.endpoint()));
  EXPECT_FALSE(seen.handshake);
  EXPECT_THAT(seen.error, HasSubstr("no answer within the deadline"));
  EXPECT_GE(seen.elapsed, Millis(80));
  EXPECT_LT(seen.elapsed, Seconds(2));
}

TEST(QuicHandshakeTest, TakesGarbageForNoAnswer) {
  UdpServer garbage(std::string(1200, '\xff'));
  const QuicObservation seen = QuicHandshake(RequestTo(garbage.endpoint()));
  EXPECT_FALSE(seen.handshake);
  EXPECT_THAT(seen.error, HasSubstr("no complete answer within the deadline, in 1 datagrams"));
}

TEST(QuicHandshakeTest, EndsWhenStopped) {
  std::stop_source stop;
  UdpServer silent("");
  QuicRequest request = RequestTo(silent.endpoint());
  request.route.deadline = Seconds(20);
  std::jthread stopper([&stop] { stop.request_stop(); });
  const QuicObservation seen = QuicHandshake(request, stop.get_token());
  EXPECT_THAT(seen.error, HasSubstr("stopped"));
  EXPECT_LT(seen.elapsed, Seconds(5));
}

TEST(QuicHandshakeTest, NamesASourceAddressThatCannotBeUsed) {
  QuicRequest request = RequestTo(*Endpoint::Parse("127.0.0.1:443"));
  request.route.source = *IpAddress::Parse("192.0.2.1");
  EXPECT_THAT(QuicHandshake(request).error, HasSubstr("bind to source address 192.0.2.1"));
}

TEST(QuicHandshakeTest, RefusesAnAlpnListThatCannotBeSent) {
  QuicRequest request = RequestTo(*Endpoint::Parse("127.0.0.1:443"));
  request.alpn = {std::string(300, 'x')};
  EXPECT_THAT(QuicHandshake(request).error, HasSubstr("must have 1-255 bytes"));
}

}  // namespace
}  // namespace lockstep::probe
