// What a client may try in order to have one request read as two, or as somebody else's.
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "agent/quicd/upstream/request_head.h"
#include "tests/unit/agent/quicd/upstream/sample_requests.h"

namespace lockstep::agent::quicd::upstream {
namespace {

struct Attempt {
  std::string what;
  RequestHead head;
};

RequestHead Altered(std::string RequestHead::*part, std::string value) {
  RequestHead head = Get();
  head.*part = std::move(value);
  return head;
}

std::vector<Attempt> InjectionsInto(const std::string& name, std::string RequestHead::*part,
                                    const std::string& good) {
  std::vector<Attempt> all;
  for (const std::string& bytes :
       {std::string("\r\n"), std::string("\n"), std::string("\r"), std::string(1, '\0'),
        std::string(" "), std::string("\t"), std::string("\x7f"), std::string("\x01"),
        std::string("\x80"), std::string("\xc4\x8d\xc4\x8a"),
        std::string(" HTTP/1.1\r\nHost: evil.test\r\n\r\nGET /admin")}) {
    all.push_back({name + " ends with controls", Altered(part, good + bytes)});
    all.push_back({name + " begins with controls", Altered(part, bytes + good)});
    all.push_back({name + " has controls", Altered(part, good + bytes + good)});
  }
  all.push_back({name + " is empty", Altered(part, "")});
  return all;
}

using Attempts = std::vector<Attempt>;

void AddParts(Attempts* attempts) {
  Attempts& all = *attempts;
  for (const auto& [name, part, good] :
       {std::tuple("method", &RequestHead::method, "GET"),
        std::tuple("authority", &RequestHead::authority, "www.example.test"),
        std::tuple("path", &RequestHead::path, "/a"),
        std::tuple("scheme", &RequestHead::scheme, "https")}) {
    for (Attempt& attempt : InjectionsInto(name, part, good)) all.push_back(std::move(attempt));
  }
  for (const char* method : {"CONNECT", "connect", "TRACE", "trace", "GET/", "GE(T", "GET:"}) {
    all.push_back({"method", Altered(&RequestHead::method, method)});
  }
  for (const char* path : {"a", "http://evil.test/", "*", "/a#b", "?a"}) {
    all.push_back({"path", Altered(&RequestHead::path, path)});
  }
  for (const char* authority : {"user@www.example.test",
                                "user:pw@www.example.test",
                                "www.example.test/",
                                "a?b",
                                "a#b",
                                "a,b",
                                "a:b",
                                "a:",
                                "a:0",
                                "a:65536",
                                "a:+80",
                                "a:80:80",
                                ":80",
                                "[::1",
                                "[]",
                                "[::1]x",
                                "[::1]:",
                                "::1",
                                "a%2eb",
                                "a\\b",
                                "[v1.x]"}) {
    all.push_back({"authority", Altered(&RequestHead::authority, authority)});
  }
  all.push_back({"scheme", Altered(&RequestHead::scheme, "http")});
}

// One field that has no business there, with a body and without.
void AddField(Attempts* attempts, const std::string& name, const std::string& value) {
  const std::string what = name + ": " + value;
  attempts->push_back({what, With({{name, value}})});
  attempts->push_back({what + " (with a body)", Post({}, {{name, value}})});
}

void AddFramings(Attempts* attempts) {
  const auto field = [&](const auto& name, const auto& value) { AddField(attempts, name, value); };
  // Two framings, or one that is not ours.
  field("transfer-encoding", "chunked");
  field("transfer-encoding", "identity");
  field("transfer-encoding", "xchunked");
  field("transfer-encoding",
        "\x0b"
        "chunked");
  field("Transfer-Encoding", "chunked");
  field("transfer-encoding ", "chunked");
  field(" transfer-encoding", "chunked");
  field("transfer-encoding\t", "chunked");
  field("transfer-encoding:", "chunked");
  field("transfer-encoding\r\n", "chunked");
  field("x: y\r\ntransfer-encoding", "chunked");
  // Of a connection.
  field("connection", "close, x-forwarded-for");
  field("connection", "upgrade");
  field("keep-alive", "timeout=5");
  field("proxy-connection", "keep-alive");
  field("upgrade", "websocket");
  field("upgrade", "h2c");
  field("te", "chunked");
  field("te", "trailers, chunked");
}

void AddNamesAndValues(Attempts* attempts) {
  const auto field = [&](const auto& name, const auto& value) { AddField(attempts, name, value); };
  // Names.
  field("", "x");
  field(":path", "/other");
  field("X-Upper", "x");
  field("x y", "z");
  field(std::string("x\0y", 3), "z");
  field("x\xc3\xa4", "z");
  field("x\n", "z");
  // Values: another line, a folded one, an invisible one.
  field("x", "a\r\nb: c");
  field("x", "a\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n");
  field("x", "a\nb");
  field("x", "a\rb");
  field("x", "a\r\n b");
  field("x", std::string("a\0b", 3));
  field("x", " a");
  field("x", "a ");
  field("x", "\ta");
  field("x", "a\t");
  field("x", "a\x7f");
  field("x", "a\x0b");
  field("cookie", "a\r\nb: c");
  field("host", "evil.test");
  field("host", "");
  field("host", "www.example.test:443");
}

void AddLengths(Attempts* attempts) {
  Attempts& all = *attempts;
  for (const char* length : {"5, 5", "+5", "-5", "0x5", " 5", "5 ", "", "5a", "5.0", "5e1",
                             "18446744073709551616", "\xd9\xa5"}) {
    all.push_back(
        {std::string("content-length: ") + length, Post(5, {{"content-length", length}})});
  }
  all.push_back({"two hosts", With({{"host", "www.example.test"}, {"host", "www.example.test"}})});
  all.push_back(
      {"content-length twice", Post(5, {{"content-length", "5"}, {"content-length", "5"}})});
  all.push_back(
      {"two content-lengths", Post(5, {{"content-length", "5"}, {"content-length", "6"}})});
  all.push_back(
      {"a content-length of which nothing was said", Post({}, {{"content-length", "5"}})});
  all.push_back({"another content-length", Post(6, {{"content-length", "5"}})});
  RequestHead bodiless = Post(5, {{"content-length", "5"}});
  bodiless.has_body = false;
  all.push_back({"a content-length and no body", bodiless});
}

Attempts Refused() {
  Attempts all;
  AddParts(&all);
  AddFramings(&all);
  AddNamesAndValues(&all);
  AddLengths(&all);
  return all;
}

TEST(RequestSmugglingTest, IsRefused) {
  for (const Attempt& attempt : Refused()) {
    EXPECT_EQ(CheckRequest(attempt.head).code(), Code::kInvalidArgument) << attempt.what;
  }
}

// What is not refused is one request with one host and one framing, whatever it looked like.
TEST(RequestSmugglingTest, OrMappedWithoutHarm) {
  const std::string_view chunked = "5\r\nhello\r\n0\r\n\r\n";
  const std::vector<Header> odd[] = {
      {{"content_length", "100"}},
      {{"transfer_encoding", "chunked"}, {"content_length", "1"}},
      {{"x-content-length", "100"}, {"x-transfer-encoding", "chunked"}},
      {{"x-http-method-override", "CONNECT"}, {"x-original-url", "/admin"}},
      {{"trailer", "content-length"}},
      {{"expect", "100-continue"}},
      {{"x", "GET /admin HTTP/1.1"}},
      {{"x", "a\tb  c"}, {"x", "\xc3\xa4"}},
      {{"cookie", "a=1; transfer-encoding=chunked"}},
  };
  for (const std::vector<Header>& headers : odd) {
    const auto request = Sent(Post({}, headers), chunked);
    EXPECT_EQ(request.body(), "hello");
    EXPECT_EQ(Value(request, "host"), "www.example.test");
    EXPECT_EQ(Value(request, "transfer-encoding"), "chunked");
    EXPECT_EQ(request.count("content-length") + request.count("content_length") +
                  request.count("transfer_encoding"),
              0U);
    EXPECT_EQ(Value(Sent(With(headers)), "host"), "www.example.test");
  }
  for (const char* path : {"//evil.test/", "/a/../..//", "/%0d%0aHost:%20evil.test", "/\\evil.test",
                           "/a?b=%00", "/a:b@c", "/GET", "/;"}) {
    RequestHead head = Get();
    head.path = path;
    EXPECT_EQ(Sent(head).target(), path);
  }
}

}  // namespace
}  // namespace lockstep::agent::quicd::upstream
