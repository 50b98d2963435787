// HTTP/3 that is wrong, case by case: RFC 9114 §4 (messages), §6 and §7 (streams, frames), §8
// (errors); RFC 9204 (QPACK). Each case says which error the server must answer with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp3/nghttp3.h>

#include "tests/integration/agent_quicd/raw_client.h"
#include "tests/integration/agent_quicd/rig.h"

namespace lockstep::agent::quicd {
namespace {

constexpr uint64_t kControl = 0x00;
constexpr uint64_t kPush = 0x01;
constexpr uint64_t kEncoder = 0x02;
constexpr uint64_t kData = 0x00;
constexpr uint64_t kCancelPush = 0x03;
constexpr uint64_t kSettings = 0x04;
constexpr uint64_t kPushPromise = 0x05;
constexpr uint64_t kGoaway = 0x07;
constexpr uint64_t kMaxPushId = 0x0d;

Fields Get(std::string path = "/bytes/3") {
  return {
      {":method", "GET"}, {":scheme", "https"}, {":authority", kName}, {":path", std::move(path)}};
}
Fields With(Fields fields, std::string name, std::string value) {
  fields.emplace_back(std::move(name), std::move(value));
  return fields;
}
Fields Without(Fields fields, std::string_view name) {
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}
Fields Instead(Fields fields, std::string_view name, std::string value) {
  for (auto& field : fields) {
    if (field.first == name) field.second = value;
  }
  return fields;
}

class ConformanceTest : public testing::Test {
 protected:
  void SetUp() override { Configure(20); }
  void Configure(uint32_t max_cancels_per_second) {
    server::Settings settings = MakeSettings("node-aaa", port_, Pair::Make({kName}));
    settings.limits.max_field_section_bytes = 4096;
    settings.limits.max_streams = 10;
    settings.limits.max_cancels_per_second = max_cancels_per_second;
    ASSERT_TRUE(rig_.Configure(std::move(settings)).ok());
  }
  // A client that has done nothing wrong yet.
  std::unique_ptr<RawClient> Client() {
    auto client = std::make_unique<RawClient>(port_, kName);
    client->Write(client->OpenUni(), Varint(kControl) + Frame(kSettings, ""), false);
    return client;
  }
  // The status that a request is answered with; 0 if it is not.
  int Status(const std::string& request) {
    const auto client = Client();
    const int64_t stream = client->OpenRequest();
    client->Write(stream, request, true);
    client->RunUntil([&] { return client->stream(stream).fin; });
    return StatusOf(client->stream(stream).received);
  }
  // The code that a request's stream is reset with, while the connection and other requests live
  // on.
  std::optional<uint64_t> StreamError(const std::string& request) {
    const auto client = Client();
    const int64_t stream = client->OpenRequest();
    client->Write(stream, request, true);
    client->RunUntil([&] { return client->stream(stream).reset.has_value(); });
    const int64_t next = client->OpenRequest();
    client->Write(next, Headers(Get()), true);
    EXPECT_TRUE(client->RunUntil([&] { return client->stream(next).fin; }));
    EXPECT_EQ(StatusOf(client->stream(next).received), 200);
    return client->stream(stream).reset;
  }
  std::optional<RawClient::Closed> ErrorOf(const std::function<void(RawClient&)>& misbehave) {
    const auto client = Client();
    misbehave(*client);
    client->RunUntil([&] { return client->closed().has_value(); });
    return client->closed();
  }
  std::optional<RawClient::Closed> RequestError(const std::string& request, bool fin = true) {
    return ErrorOf([&](RawClient& client) { client.Write(client.OpenRequest(), request, fin); });
  }
  std::optional<RawClient::Closed> ControlError(const std::string& frames, bool fin = false) {
    RawClient client(port_, kName);
    client.Write(client.OpenUni(), Varint(kControl) + frames, fin);
    client.RunUntil([&] { return client.closed().has_value(); });
    return client.closed();
  }
  static RawClient::Closed Application(uint64_t code) { return {true, code}; }

  const uint16_t port_ = FreePort();
  Rig rig_;
};

TEST_F(ConformanceTest, WhatIsRightIsAnswered) {
  EXPECT_EQ(Status(Headers(Get())), 200);
  EXPECT_EQ(Status(Headers(With(Get(), "te", "trailers"))), 200);
  EXPECT_EQ(Status(Headers(With(Get(), "host", kName))), 200);
  EXPECT_EQ(Status(Headers(With(Without(Get(), ":authority"), "host", kName))), 200);
  EXPECT_EQ(Status(Headers(Instead(Get(), ":authority", std::string(kName) + ":8443"))), 200);
  EXPECT_EQ(Status(Headers(Instead(Get(), ":authority", "WWW.example.TEST"))), 200);
  EXPECT_EQ(Status(Headers(With(Instead(Get("/echo"), ":method", "POST"), "content-length", "3")) +
                   Frame(kData, "abc")),
            200);
  // RFC 9114 §9: frames and streams of unknown types are ignored.
  EXPECT_EQ(Status(Frame(0x21, "grease") + Headers(Get()) + Frame(0x40, "")), 200);
  // Trailers.
  EXPECT_EQ(Status(Headers(Instead(Get("/echo"), ":method", "POST")) + Frame(kData, "abc") +
                   Headers({{"x-trailer", "1"}})),
            200);
}

TEST_F(ConformanceTest, MalformedMessagesResetTheirStreamAlone) {
  const Fields post = Instead(Get("/echo"), ":method", "POST");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"no :method", Headers(Without(Get(), ":method"))},
      {"no :scheme", Headers(Without(Get(), ":scheme"))},
      {"no :path", Headers(Without(Get(), ":path"))},
      {"no :authority and no host", Headers(Without(Get(), ":authority"))},
      {"empty :path", Headers(Instead(Get(), ":path", ""))},
      {"empty :authority", Headers(Instead(Get(), ":authority", ""))},
      {"user in :authority", Headers(Instead(Get(), ":authority", "user@www.example.test"))},
      {"two :path", Headers(With(Get(), ":path", "/again"))},
      {"pseudo-field after a field", Headers({{":method", "GET"},
                                              {":scheme", "https"},
                                              {"a", "b"},
                                              {":authority", kName},
                                              {":path", "/"}})},
      {"unknown pseudo-field", Headers(With(Get(), ":colour", "red"))},
      {":status in a request", Headers(With(Get(), ":status", "200"))},
      {"upper-case name", Headers(With(Get(), "X-Upper", "1"))},
      {"LF in :path", Headers(Instead(Get(), ":path", "/\nx"))},
      {"connection", Headers(With(Get(), "connection", "close"))},
      {"keep-alive", Headers(With(Get(), "keep-alive", "1"))},
      {"proxy-connection", Headers(With(Get(), "proxy-connection", "close"))},
      {"transfer-encoding", Headers(With(Get(), "transfer-encoding", "chunked"))},
      {"upgrade", Headers(With(Get(), "upgrade", "websocket"))},
      {"te other than trailers", Headers(With(Get(), "te", "gzip"))},
      {"content-length too long", Headers(With(post, "content-length", "5")) + Frame(kData, "abc")},
      {"content-length too short",
       Headers(With(post, "content-length", "2")) + Frame(kData, "abc")},
      {"content-length without a body", Headers(With(post, "content-length", "2"))},
      {"two content-lengths",
       Headers(With(With(post, "content-length", "3"), "content-length", "3")) +
           Frame(kData, "abc")},
      {"content-length is no number",
       Headers(With(post, "content-length", "+3")) + Frame(kData, "abc")},
      {"pseudo-field in trailers", Headers(post) + Frame(kData, "abc") + Headers({{":path", "/"}})},
  };
  for (const auto& [what, request] : cases) {
    EXPECT_EQ(StreamError(request), NGHTTP3_H3_MESSAGE_ERROR) << what;
  }
}

// nghttp3 takes such fields out instead of refusing the request, as RFC 9114 §10.3 wants it, and
// does not say so. What matters is that they reach nobody.
TEST_F(ConformanceTest, FieldsThatHttpCannotCarryReachNobody) {
  Fields fields = Get("/describe");
  for (const auto& [name, value] : Fields{{"x bad", "1"},
                                          {"x:bad", "1"},
                                          {"", "1"},
                                          {"x-cr", "a\rb"},
                                          {"x-lf", "a\nb: c"},
                                          {"x-nul", std::string("a\0b", 3)},
                                          {"x-good", "1"}}) {
    fields.emplace_back(name, value);
  }
  EXPECT_EQ(Status(Headers(fields)), 200);
  const std::lock_guard<std::mutex> lock(rig_.upstream().mutex);
  ASSERT_EQ(rig_.upstream().heads.back().headers.size(), 1U);
  EXPECT_EQ(rig_.upstream().heads.back().headers[0].name, "x-good");
}

TEST_F(ConformanceTest, WhatIsWellFormedAndNotForUsIsRefusedWithAStatus) {
  EXPECT_EQ(Status(Headers(Instead(Get(), ":scheme", "http"))), 400);
  EXPECT_EQ(Status(Headers(With(Get(), "host", "other.example.test"))), 400);
  EXPECT_EQ(Status(Headers(Instead(Get(), ":authority", "www.example.test:"))), 400);
  EXPECT_EQ(Status(Headers(Instead(Get(), ":authority", "www.example.test:x"))), 400);
  EXPECT_EQ(Status(Headers(Instead(Get(), ":authority", "other.example.test"))), 421);
  EXPECT_EQ(Status(Headers({{":method", "CONNECT"}, {":authority", kName}})), 501);
  EXPECT_EQ(Status(Headers(With(Get(), "x-long", std::string(5000, 'x')))), 431);
  Fields many = Get();
  for (int i = 0; i < 200; ++i) many.emplace_back("x", "y");
  EXPECT_EQ(Status(Headers(many)), 431);
  EXPECT_EQ(rig_.upstream().started, 0);
}

TEST_F(ConformanceTest, FramesWhereTheyMustNotBeEndTheConnection) {
  EXPECT_EQ(RequestError(Frame(kData, "abc")), Application(NGHTTP3_H3_FRAME_UNEXPECTED));
  EXPECT_EQ(RequestError(Frame(kSettings, "")), Application(NGHTTP3_H3_FRAME_UNEXPECTED));
  EXPECT_EQ(RequestError(Frame(kGoaway, Varint(0))), Application(NGHTTP3_H3_FRAME_UNEXPECTED));
  EXPECT_EQ(RequestError(Frame(kMaxPushId, Varint(0))), Application(NGHTTP3_H3_FRAME_UNEXPECTED));
  EXPECT_EQ(RequestError(Frame(kPushPromise, Varint(0))), Application(NGHTTP3_H3_FRAME_UNEXPECTED));
  for (const uint64_t http2 : {0x02, 0x06, 0x08, 0x09}) {
    EXPECT_EQ(RequestError(Frame(http2, "")), Application(NGHTTP3_H3_FRAME_UNEXPECTED)) << http2;
  }
  EXPECT_EQ(RequestError(Headers(Get()) + Headers({{"x", "y"}}) + Frame(kData, "abc")),
            Application(NGHTTP3_H3_FRAME_UNEXPECTED));
  const std::string settings = Frame(kSettings, "");
  EXPECT_EQ(ControlError(settings + Frame(kData, "abc")), Application(NGHTTP3_H3_FRAME_UNEXPECTED));
  EXPECT_EQ(ControlError(settings + Headers(Get())), Application(NGHTTP3_H3_FRAME_UNEXPECTED));
  EXPECT_EQ(ControlError(settings + settings), Application(NGHTTP3_H3_FRAME_UNEXPECTED));
  EXPECT_EQ(ControlError(Frame(kMaxPushId, Varint(1))), Application(NGHTTP3_H3_MISSING_SETTINGS));
}

TEST_F(ConformanceTest, FramesThatAreWrongInThemselvesEndTheConnection) {
  // Cut off by the end of the stream.
  EXPECT_EQ(RequestError(Headers(Get()).substr(0, 10)), Application(NGHTTP3_H3_FRAME_ERROR));
  const std::string settings = Frame(kSettings, "");
  EXPECT_EQ(ControlError(Frame(kSettings, Varint(0x02) + Varint(1))),
            Application(NGHTTP3_H3_SETTINGS_ERROR));
  EXPECT_EQ(ControlError(settings + Frame(kGoaway, "")), Application(NGHTTP3_H3_FRAME_ERROR));
  // The library names other errors here than RFC 9114 §7.2.3 and §7.2.7 do (H3_ID_ERROR).
  EXPECT_EQ(ControlError(settings + Frame(kMaxPushId, Varint(5)) + Frame(kMaxPushId, Varint(4))),
            Application(NGHTTP3_H3_FRAME_ERROR));
  EXPECT_EQ(ControlError(settings + Frame(kCancelPush, Varint(7))),
            Application(NGHTTP3_H3_FRAME_UNEXPECTED));
}

TEST_F(ConformanceTest, CriticalStreamsComeOnceAndStay) {
  EXPECT_EQ(ControlError(Frame(kSettings, ""), true),
            Application(NGHTTP3_H3_CLOSED_CRITICAL_STREAM));
  EXPECT_EQ(ErrorOf([](RawClient& client) {
              client.Write(client.OpenUni(), Varint(kControl) + Frame(kSettings, ""), false);
            }),
            Application(NGHTTP3_H3_STREAM_CREATION_ERROR));
  EXPECT_EQ(ErrorOf([](RawClient& client) {
              client.Write(client.OpenUni(), Varint(kEncoder), false);
              client.Write(client.OpenUni(), Varint(kEncoder), false);
            }),
            Application(NGHTTP3_H3_STREAM_CREATION_ERROR));
  // Only servers push.
  EXPECT_EQ(ErrorOf([](RawClient& client) {
              client.Write(client.OpenUni(), Varint(kPush) + Varint(0), false);
            }),
            Application(NGHTTP3_H3_STREAM_CREATION_ERROR));
}

TEST_F(ConformanceTest, StreamsOfUnknownTypesAreIgnored) {
  const auto client = Client();
  client->Write(client->OpenUni(), Varint(0x21) + std::string(1000, 'x'), true);
  const int64_t stream = client->OpenRequest();
  client->Write(stream, Headers(Get()), true);
  EXPECT_TRUE(client->RunUntil([&] { return client->stream(stream).fin; }));
  EXPECT_FALSE(client->closed());
}

TEST_F(ConformanceTest, QpackThatCannotBeDecodedEndsTheConnection) {
  // Static index 99 and beyond does not exist.
  EXPECT_EQ(RequestError(Frame(1, std::string("\0\0\xff\x64", 4))),
            Application(NGHTTP3_QPACK_DECOMPRESSION_FAILED));
  // A dynamic table capacity above what SETTINGS allow.
  EXPECT_EQ(ErrorOf([](RawClient& client) {
              client.Write(client.OpenUni(), Varint(kEncoder) + "\x3f\xe1\xff\x03", false);
            }),
            Application(NGHTTP3_QPACK_ENCODER_STREAM_ERROR));
}

// RFC 9001 §6: KeyUpdate is TLS's own way, which QUIC has another for.
TEST_F(ConformanceTest, AHandshakeMessageAfterTheHandshakeEndsTheConnection) {
  constexpr uint64_t kUnexpectedMessage = NGTCP2_CRYPTO_ERROR | 10;
  EXPECT_EQ(ErrorOf([](RawClient& client) {
              client.SayAfterHandshake(std::string_view("\x18\x00\x00\x01\x00", 5));
            }),
            (RawClient::Closed{false, kUnexpectedMessage}));
}

TEST_F(ConformanceTest, AConnectionLivesThroughNewKeys) {
  const auto client = Client();
  for (int round = 0; round < 2; ++round) {
    const int64_t stream = client->OpenRequest();
    client->Write(stream, Headers(Get()), true);
    ASSERT_TRUE(client->RunUntil([&] { return client->stream(stream).closed; }));
    EXPECT_EQ(StatusOf(client->stream(stream).received), 200);
    if (round == 0) client->UpdateKeys();
  }
}

TEST_F(ConformanceTest, MoreRequestsThanAllowedEndTheConnection) {
  const auto client = Client();
  // ngtcp2's client counts for itself; the server's limit is seen by what it lets us open.
  for (int i = 0; i < 10; ++i) client->Write(client->OpenRequest(), Headers(Get("/hang")), true);
  EXPECT_TRUE(client->RunUntil([&] { return rig_.upstream().started == 10; }));
  EXPECT_FALSE(client->CanOpenRequest());
}

TEST_F(ConformanceTest, ARequestThatTheClientGivesUpIsCancelled) {
  const auto client = Client();
  const int64_t stream = client->OpenRequest();
  client->Write(stream, Headers(Get("/hang")), true);
  ASSERT_TRUE(client->RunUntil([&] { return rig_.upstream().started == 1; }));
  client->Abandon(stream, NGHTTP3_H3_REQUEST_CANCELLED);
  EXPECT_TRUE(client->RunUntil([&] { return rig_.upstream().cancelled == 1; }));
  EXPECT_TRUE(client->RunUntil([&] { return client->stream(stream).closed; }));
}

TEST_F(ConformanceTest, AClientThatOnlyGivesUpRequestsLosesItsConnection) {
  Configure(2);  // few, so that a slow machine gets beyond them
  const auto client = Client();
  for (int i = 0; i < 1000 && !client->closed(); ++i) {
    const int64_t stream = client->OpenRequest();
    client->Write(stream, Headers(Get("/hang")), true);
    const int started = rig_.upstream().started;
    client->RunUntil([&] { return rig_.upstream().started > started || client->closed(); });
    client->Abandon(stream, NGHTTP3_H3_REQUEST_CANCELLED);
    client->RunUntil([&] { return client->stream(stream).closed || client->closed(); });
  }
  EXPECT_EQ(client->closed(), Application(NGHTTP3_H3_EXCESSIVE_LOAD));
  EXPECT_EQ(rig_.upstream().cancelled, rig_.upstream().started);
}

TEST_F(ConformanceTest, AnUploadThatCaddyDoesNotTakeIsHeldBack) {
  rig_.upstream().swallow = true;
  const auto client = Client();
  const int64_t stream = client->OpenRequest();
  client->Write(stream, Headers(Instead(Get("/echo"), ":method", "POST")), false);
  client->Write(stream, Frame(kData, std::string(2 << 20, 'x')), false);
  const auto taken = [&] { return rig_.counters().bytes_received; };
  EXPECT_TRUE(client->RunUntil([&] { return taken() > (250U << 10); })) << taken();
  const MonoTime end = Clock::System().Mono() + Millis(300);  // time for what must not come
  client->RunUntil([&] { return Clock::System().Mono() > end; });
  EXPECT_LT(taken(), 400U << 10);
}

TEST_F(ConformanceTest, CookiesBecomeOneFieldAgain) {
  Fields fields = Get("/describe");
  for (const char* crumb : {"a=1", "b=2", "c=3"}) fields.emplace_back("cookie", crumb);
  EXPECT_EQ(Status(Headers(fields)), 200);
  const std::lock_guard<std::mutex> lock(rig_.upstream().mutex);
  std::string cookies;
  for (const upstream::Header& header : rig_.upstream().heads.back().headers) {
    if (header.name == "cookie") cookies += "[" + header.value + "]";
  }
  EXPECT_EQ(cookies, "[a=1; b=2; c=3]");
}

}  // namespace
}  // namespace lockstep::agent::quicd
