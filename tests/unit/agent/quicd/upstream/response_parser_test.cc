#include "agent/quicd/upstream/response_parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace lockstep::agent::quicd::upstream {
namespace {

// What the listener would be told, in one line per event.
struct Told {
  std::string text;
  std::optional<Failure> failure;
  bool done = false;
  bool keeps = false;
  std::string rest;
};

void Describe(const ResponseHead& head, std::string* text) {
  *text += std::to_string(head.status);
  for (const Header& header : head.headers) *text += " " + header.name + "=" + header.value;
  if (head.content_length) *text += " (" + std::to_string(*head.content_length) + ")";
  *text += "\n";
}

// Bodies that follow each other are one: how they were cut is the socket's business.
void Describe(const std::vector<ResponseParser::Event>& events, std::string_view bytes,
              Told* told) {
  for (const ResponseParser::Event& event : events) {
    if (const auto* interim = std::get_if<ResponseParser::Interim>(&event)) {
      told->text += "interim ";
      Describe(interim->head, &told->text);
    } else if (const auto* head = std::get_if<ResponseHead>(&event)) {
      Describe(*head, &told->text);
    } else if (const auto* body = std::get_if<ResponseParser::Body>(&event)) {
      ASSERT_LE(body->offset + body->size, bytes.size());
      told->text += bytes.substr(body->offset, body->size);
    } else {
      told->text += "|end";
      for (const Header& trailer : std::get<ResponseParser::End>(event).trailers) {
        told->text += " " + trailer.name + "=" + trailer.value;
      }
    }
  }
}

struct How {
  bool to_head = false;
  size_t max_head = 4096;
  bool ends = false;  // the connection, behind the bytes
};

// Given to the parser `step` bytes at a time.
Told Parse(std::string_view wire, How how = {}, size_t step = std::string_view::npos) {
  ResponseParser parser(how.to_head, how.max_head);
  Told told;
  while (!wire.empty() && !parser.done()) {
    const size_t size = std::min(step, wire.size());
    told.rest += wire.substr(0, size);
    wire.remove_prefix(size);
    std::vector<ResponseParser::Event> events;
    const auto* bytes = reinterpret_cast<const uint8_t*>(told.rest.data());
    const ResponseParser::Step parsed = parser.Parse({bytes, told.rest.size()}, &events);
    Describe(events, told.rest, &told);
    if (parsed.problem) {
      told.failure = parsed.problem->failure;
      return told;
    }
    told.rest.erase(0, parsed.used);
  }
  told.rest += wire;
  if (how.ends) {
    std::vector<ResponseParser::Event> events;
    const ResponseParser::Step parsed = parser.ParseEnd(&events);
    if (parsed.problem) told.failure = parsed.problem->failure;
    Describe(events, {}, &told);
  }
  told.done = parser.done();
  told.keeps = parser.keeps_connection();
  return told;
}

std::string Text(std::string_view wire, How how = {}) {
  const Told whole = Parse(wire, how);
  EXPECT_FALSE(whole.failure) << wire;
  EXPECT_TRUE(whole.done) << wire;
  for (size_t step = 1; step < 10; ++step) {
    EXPECT_EQ(Parse(wire, how, step).text, whole.text) << step;
  }
  return whole.text;
}

TEST(ResponseParserTest, ReadsAKnownLength) {
  EXPECT_EQ(Text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b c \r\n\r\nhello"),
            "200 x-a=b c content-length=5 (5)\nhello|end");
}

TEST(ResponseParserTest, ReadsChunksAndTrailers) {
  EXPECT_EQ(Text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                 "3;why=not\r\nhel\r\n02\r\nlo\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a\r\n\r\n"),
            "200 trailer=X-Sum\nhello|end x-sum=7");
}

TEST(ResponseParserTest, ReadsUntilTheConnectionEnds) {
  const Told told = Parse("HTTP/1.1 200 OK\r\n\r\nhello", {.ends = true});
  EXPECT_EQ(told.text, "200\nhello|end");
  EXPECT_FALSE(told.keeps);
  EXPECT_FALSE(Parse("HTTP/1.1 200 OK\r\n\r\nhello").done);
}

TEST(ResponseParserTest, InterimResponsesComeFirst) {
  EXPECT_EQ(Text("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                 "HTTP/1.1 204 No Content\r\n\r\n"),
            "interim 100\ninterim 103 link=</a>\n204\n|end");
  std::string endless;
  for (int i = 0; i < 100; ++i) endless += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(Parse(endless).failure, Failure::kMalformed);
}

TEST(ResponseParserTest, SomeResponsesHaveNoBody) {
  EXPECT_EQ(Text("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
            "304 content-length=9 (9)\n|end");
  EXPECT_EQ(Text("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"), "204\n|end");
  EXPECT_EQ(Text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", {.to_head = true}),
            "200 content-length=9 (9)\n|end");
  EXPECT_EQ(Text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {.to_head = true}),
            "200\n|end");
}

TEST(ResponseParserTest, FieldsOfTheHopStayHere) {
  EXPECT_EQ(Text("HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Private\r\nX-Private: 1\r\n"
                 "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\n"
                 "TE: trailers\r\nX-Public: 2\r\nContent-Length: 0\r\n\r\n"),
            "200 x-public=2 content-length=0 (0)\n|end");
}

TEST(ResponseParserTest, KnowsWhetherTheConnectionLives) {
  const std::string length = "Content-Length: 0\r\n";
  EXPECT_TRUE(Parse("HTTP/1.1 200 OK\r\n" + length + "\r\n").keeps);
  EXPECT_FALSE(Parse("HTTP/1.1 200 OK\r\n" + length + "Connection: close\r\n\r\n").keeps);
  EXPECT_FALSE(Parse("HTTP/1.0 200 OK\r\n" + length + "\r\n").keeps);
}

TEST(ResponseParserTest, StopsBehindTheEnd) {
  const Told told = Parse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n");
  EXPECT_EQ(told.text, "200 content-length=1 (1)\nx|end");
  EXPECT_EQ(told.rest, "HTTP/1.1 200 OK\r\n");
}

TEST(ResponseParserTest, RefusesWhatCanBeReadInTwoWays) {
  const std::string line = "HTTP/1.1 200 OK\r\n";
  for (const std::string& wire :
       {std::string("SSH-2.0-OpenSSH\r\n\r\n"),
        std::string("HTTP/2 200\r\n\r\n"),
        std::string("HTTP/1.1 099 Odd\r\n\r\n"),
        std::string("HTTP/1.1 2000 OK\r\n\r\n"),
        std::string("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
        line + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        line + "Content-Length: 5, 6\r\n\r\nhello",
        line + "Content-Length: -5\r\n\r\nhello",
        line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        line + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        line + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        line + "Transfer-Encoding: identity\r\n\r\nhello",
        line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        line + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
        line + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n0\r\n\r\n",
        line + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nhello\r\n",
        line + "X A: b\r\n\r\n",
        line + "X-A : b\r\n\r\n",
        line + "X-A: b\x01\r\n\r\n",
        line + std::string("X-A: b\0c\r\n\r\n", 12),
        line + ": b\r\n\r\n"}) {
    for (const size_t step : {size_t{1}, size_t{7}, wire.size()}) {
      EXPECT_EQ(Parse(wire, {}, step).failure, Failure::kMalformed) << wire;
    }
  }
}

TEST(ResponseParserTest, HeadsAndLinesHaveALimit) {
  const How small{.max_head = 256};
  const std::string line = "HTTP/1.1 200 OK\r\n";
  std::string many;
  for (int i = 0; i < 100; ++i) many += "X-A: b\r\n";
  const std::string chunked = line + "Transfer-Encoding: chunked\r\n\r\n";
  for (const std::string& wire :
       {line + "X-A: " + std::string(300, 'b') + "\r\n\r\n", line + "X-A: " + std::string(300, 'b'),
        line + many + "\r\n", "HTTP/1.1 200 " + std::string(300, 'b'),
        chunked + std::string(300, '0'), chunked + "0\r\n" + many,
        chunked + "1;" + std::string(300, 'b')}) {
    for (const size_t step : {size_t{1}, size_t{7}, wire.size()}) {
      EXPECT_EQ(Parse(wire, small, step).failure, Failure::kTooLarge) << wire << " " << step;
    }
  }
}

TEST(ResponseParserTest, AnEarlyEndIsNoEnd) {
  const std::string wire = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  for (size_t size = 0; size < wire.size(); ++size) {
    EXPECT_EQ(Parse(wire.substr(0, size), {.ends = true}).failure, Failure::kBroken) << size;
  }
  EXPECT_FALSE(Parse(wire, {.ends = true}).failure);
  EXPECT_EQ(Parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
                  {.ends = true})
                .failure,
            Failure::kBroken);
}

}  // namespace
}  // namespace lockstep::agent::quicd::upstream
