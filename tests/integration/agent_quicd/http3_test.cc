// Requests and responses, with back-pressure, failures and draining.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "tests/integration/agent_quicd/raw_client.h"
#include "tests/integration/agent_quicd/rig.h"

namespace lockstep::agent::quicd {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Http3Test : public testing::Test {
 protected:
  void Start(const std::function<void(server::Settings&)>& change = {}) {
    server::Settings settings = MakeSettings("node-aaa", port_, Pair::Make({kName}));
    if (change) change(settings);
    const Status status = rig_.Configure(std::move(settings));
    ASSERT_TRUE(status.ok()) << status;
  }
  const uint16_t port_ = FreePort();
  Rig rig_;
};

TEST_F(Http3Test, ABodyArrivesByteForByteAndIsNotHeldWhole) {
  Start([](auto& settings) {
    settings.limits.stream_send_buffer = 256 << 10;
    settings.limits.connection_send_buffer = 256 << 10;
  });
  const Asked asked = Ask("127.0.0.1", port_, "/bytes/20000000");
  ASSERT_EQ(asked.body.size(), 20000000U) << asked.output.substr(0, 2000);
  for (size_t i = 0; i < asked.body.size(); ++i) {
    ASSERT_EQ(static_cast<uint8_t>(asked.body[i]), PatternByte(i)) << "at " << i;
  }
  EXPECT_GT(rig_.upstream().pauses, 0);
  EXPECT_LT(rig_.upstream().most_held, 400U << 10);
}

TEST_F(Http3Test, ARequestBodyIsPassedOnAndEchoed) {
  Start();
  const fakes::TempDirectory folder;
  const std::string sent = [] {
    std::string bytes(5'000'000, '\0');
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(PatternByte(i));
    return bytes;
  }();
  std::ofstream(folder / "data", std::ios::binary) << sent;
  const Asked asked =
      Ask("127.0.0.1", port_, "/echo", {"--data=" + (folder / "data"), "--http-method=POST"});
  EXPECT_TRUE(asked.body == sent) << asked.body.size() << asked.output.substr(0, 2000);
  EXPECT_EQ(rig_.upstream().finished, 1);
}

TEST_F(Http3Test, TheSitesAltSvcIsTheOnlyOne) {
  Start([](auto& settings) { settings.sites[0].alt_svc = "h3=\":443\"; ma=300"; });
  const Asked asked = Ask("127.0.0.1", port_, "/bytes/1");
  EXPECT_THAT(asked.output, HasSubstr("[alt-svc: h3=\":443\"; ma=300]"));
  EXPECT_THAT(asked.output, Not(HasSubstr("2592000")));
}

TEST_F(Http3Test, WithoutAnAltSvcNoneIsSent) {
  Start();
  EXPECT_THAT(Ask("127.0.0.1", port_, "/bytes/1").output, Not(HasSubstr("alt-svc")));
}

// The Alt-Svc headers of the answer to a request on the connection, for any of its names.
std::vector<std::string> AltSvcOf(RawClient& client, const std::string& host) {
  const int64_t stream = client.OpenRequest();
  client.Write(
      stream,
      Headers(
          {{":method", "GET"}, {":scheme", "https"}, {":authority", host}, {":path", "/bytes/1"}}),
      true);
  EXPECT_TRUE(client.RunUntil([&] { return client.stream(stream).fin; }));
  std::vector<std::string> found;
  for (const auto& [name, value] : FieldsOf(client.stream(stream).received)) {
    if (name == "alt-svc") found.push_back(value);
  }
  return found;
}

TEST_F(Http3Test, AConnectionHearsOfTheAltSvcThatHoldsNow) {
  const Pair pair = Pair::Make({kName});
  const auto configure = [&](const std::string& alt_svc) {
    server::Settings settings = MakeSettings("node-aaa", port_, pair);
    settings.sites[0].alt_svc = alt_svc;
    ASSERT_TRUE(rig_.Configure(std::move(settings)).ok());
  };
  configure("h3=\":443\"; ma=86400");
  RawClient client(port_, kName);
  EXPECT_THAT(AltSvcOf(client, kName), ElementsAre("h3=\":443\"; ma=86400"));
  configure("clear");
  EXPECT_THAT(AltSvcOf(client, kName), ElementsAre("clear"));
  configure("");
  EXPECT_THAT(AltSvcOf(client, kName), ElementsAre());
}

TEST_F(Http3Test, EachNameOnAConnectionHasItsOwnAltSvc) {
  const std::string other = "other.example.test";
  const Pair pair = Pair::Make({kName, other});
  server::Settings settings = MakeSettings("node-aaa", port_, pair);
  settings.sites[0].alt_svc = "h3=\":443\"; ma=300";
  settings.sites.push_back(MakeSite({other}, pair));
  settings.sites[1].alt_svc = "h3=\":443\"; ma=3600";
  ASSERT_TRUE(rig_.Configure(std::move(settings)).ok());
  RawClient client(port_, kName);
  EXPECT_THAT(AltSvcOf(client, other), ElementsAre("h3=\":443\"; ma=3600"));
  EXPECT_THAT(AltSvcOf(client, kName), ElementsAre("h3=\":443\"; ma=300"));
}

TEST_F(Http3Test, AFailureOfCaddyHasItsStatus) {
  Start();
  EXPECT_THAT(Ask("127.0.0.1", port_, "/fail/refused").output, HasSubstr("[:status: 502]"));
  EXPECT_THAT(Ask("127.0.0.1", port_, "/fail/timeout").output, HasSubstr("[:status: 504]"));
  EXPECT_THAT(Ask("127.0.0.1", port_, "/break").output,
              HasSubstr("app_error_code=(unknown)(0x102)"));
  EXPECT_EQ(rig_.counters().requests_failed, 3U);
}

TEST_F(Http3Test, ManyRequestsShareAConnection) {
  Start();
  const Asked asked = Ask("127.0.0.1", port_, "/bytes/2000", {"--nstreams=500"});
  EXPECT_TRUE(asked.ok) << asked.output.substr(0, 2000);
  EXPECT_EQ(rig_.counters().requests, 500U);
  EXPECT_EQ(rig_.upstream().cancelled, 0);
}

TEST_F(Http3Test, AClientThatGoesTakesItsRequestsWithIt) {
  Start([](auto& settings) { settings.sites[0].policy.idle_timeout = Seconds(1); });
  Ask("127.0.0.1", port_, "/hang", {"--timeout=1s"});
  EXPECT_TRUE(rig_.Eventually([&](const auto&) { return rig_.upstream().cancelled == 1; }));
  EXPECT_EQ(rig_.state().connections, 0U);
}

TEST_F(Http3Test, ADownloadOutlivesManyConfigurations) {
  Start();
  auto download =
      std::async(std::launch::async, [&] { return Ask("127.0.0.1", port_, "/bytes/30000000"); });
  ASSERT_TRUE(rig_.Eventually([](const auto& c) { return c.requests == 1; }));
  for (int i = 0; i < 50; ++i) {
    const Pair pair = Pair::Make({kName});
    ASSERT_TRUE(rig_.Configure(MakeSettings("node-aaa", port_, pair)).ok());
    EXPECT_EQ(Look("127.0.0.1", port_, kName).certificate.leaf_sha256, pair.fingerprint);
  }
  EXPECT_EQ(download.get().body.size(), 30000000U);
  EXPECT_EQ(rig_.counters().handshakes, 51U);
}

TEST_F(Http3Test, DrainingLetsADownloadFinishAndTakesNothingNew) {
  Start();
  auto download =
      std::async(std::launch::async, [&] { return Ask("127.0.0.1", port_, "/bytes/60000000"); });
  ASSERT_TRUE(rig_.Eventually([](const auto& c) { return c.requests == 1; }));
  std::promise<void> drained;
  rig_.OnLoop([&] { rig_.server().Drain(Seconds(20), [&] { drained.set_value(); }); });
  EXPECT_FALSE(Look("127.0.0.1", port_, kName).handshake);
  EXPECT_EQ(download.get().body.size(), 60000000U);
  EXPECT_EQ(drained.get_future().wait_for(Seconds(10)), std::future_status::ready);
  EXPECT_EQ(rig_.state().connections, 0U);
}

TEST_F(Http3Test, TheGraceOfADrainEnds) {
  Start();
  auto hanging = std::async(std::launch::async, [&] { return Ask("127.0.0.1", port_, "/hang"); });
  ASSERT_TRUE(rig_.Eventually([](const auto& c) { return c.requests == 1; }));
  std::promise<void> drained;
  rig_.OnLoop([&] { rig_.server().Drain(Millis(100), [&] { drained.set_value(); }); });
  EXPECT_EQ(drained.get_future().wait_for(Seconds(5)), std::future_status::ready);
  EXPECT_THAT(hanging.get().output,
              ContainsRegex(" rx [0-9]+ 1RTT CONNECTION_CLOSE.0x1d. error_code=.unknown..0x100"));
}

}  // namespace
}  // namespace lockstep::agent::quicd
