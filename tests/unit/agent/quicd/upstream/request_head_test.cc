#include "agent/quicd/upstream/request_head.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/quicd/upstream/sample_requests.h"

namespace lockstep::agent::quicd::upstream {
namespace {

TEST(RequestHeadTest, SaysWhoAsksAndHow) {
  const auto request = Sent(With({{"accept", "*/*"}, {"x-empty", ""}}));
  EXPECT_EQ(request.method_string(), "GET");
  EXPECT_EQ(request.target(), "/a?b=c");
  EXPECT_EQ(Value(request, "host"), "www.example.test");
  EXPECT_EQ(Value(request, "accept"), "*/*");
  EXPECT_EQ(request.count("x-empty"), 1U);
  EXPECT_EQ(Value(request, "x-forwarded-for"), "203.0.113.7");
  EXPECT_EQ(Value(request, "x-forwarded-proto"), "https");
  EXPECT_EQ(Value(request, "x-forwarded-host"), "www.example.test");
  EXPECT_EQ(Value(request, "lockstep-protocol"), "HTTP/3.0");
  EXPECT_EQ(Value(request, "lockstep-key"), kKey);
  EXPECT_EQ(request.count("content-length") + request.count("transfer-encoding"), 0U);
  EXPECT_TRUE(request.keep_alive());
}

TEST(RequestHeadTest, WhatWeSayNobodySaysForUs) {
  const auto request = Sent(With({{"forwarded", "for=192.0.2.1"},
                                  {"x-forwarded-for", "192.0.2.1"},
                                  {"x_forwarded_for", "192.0.2.1"},
                                  {"x-forwarded-proto", "http"},
                                  {"x-forwarded-host", "other.test"},
                                  {"x-forwarded-port", "80"},
                                  {"lockstep-key", "guess"},
                                  {"lockstep_key", "guess"},
                                  {"lockstep-protocol", "HTTP/1.0"},
                                  {"te", "trailers"},
                                  {"trailer", "x-sum"},
                                  {"host", "www.example.test"}}));
  EXPECT_EQ(Value(request, "x-forwarded-for"), "203.0.113.7");
  EXPECT_EQ(Value(request, "x-forwarded-proto"), "https");
  EXPECT_EQ(Value(request, "x-forwarded-host"), "www.example.test");
  EXPECT_EQ(Value(request, "lockstep-key"), kKey);
  EXPECT_EQ(Value(request, "lockstep-protocol"), "HTTP/3.0");
  EXPECT_EQ(Value(request, "host"), "www.example.test");
  for (const char* gone :
       {"forwarded", "x_forwarded_for", "x-forwarded-port", "lockstep_key", "te", "trailer"}) {
    EXPECT_EQ(request.count(gone), 0U) << gone;
  }
}

TEST(RequestHeadTest, CookiesBecomeOneField) {
  const auto request = Sent(With({{"cookie", "a=1"}, {"accept", "*/*"}, {"cookie", "b=2"}}));
  EXPECT_EQ(Value(request, "cookie"), "a=1; b=2");
}

TEST(RequestHeadTest, FramesTheBody) {
  EXPECT_EQ(Value(Sent(Post(5, {{"content-length", "5"}}), "hello"), "content-length"), "5");
  const auto chunked = Sent(Post({}, {}), "5\r\nhello\r\n0\r\n\r\n");
  EXPECT_EQ(Value(chunked, "transfer-encoding"), "chunked");
  EXPECT_EQ(chunked.body(), "hello");
  EXPECT_EQ(chunked.count("content-length"), 0U);
  EXPECT_EQ(Value(Sent(Post(0, {{"content-length", "00"}})), "content-length"), "0");

  RequestHead bodiless = Post({}, {});
  bodiless.has_body = false;
  EXPECT_EQ(Value(Sent(bodiless), "content-length"), "0");
}

TEST(RequestHeadTest, KnowsAuthorities) {
  for (const char* good : {"a", "www.example.test:8443", "127.0.0.1", "[2001:db8::1]",
                           "[2001:db8::1]:443", "under_score.test"}) {
    RequestHead head = Get();
    head.authority = good;
    EXPECT_EQ(Value(Sent(head), "host"), good);
  }
}

TEST(RequestHeadTest, AsteriskIsForOptions) {
  RequestHead head = Get();
  head.path = "*";
  EXPECT_FALSE(CheckRequest(head).ok());
  head.method = "OPTIONS";
  EXPECT_EQ(Sent(head).target(), "*");
}

TEST(RequestHeadTest, ErrorsNameTheFieldAndShowNoBytesOfIt) {
  EXPECT_EQ(CheckRequest(With({{"x-a", "b\r\nc: d"}})).ToString(),
            "INVALID_ARGUMENT: request: field x-a has a value with bytes that no value may have");
  EXPECT_EQ(CheckRequest(With({{"x\r\na", "b"}})).ToString(),
            "INVALID_ARGUMENT: request: a field name is no lower-case token");
}

}  // namespace
}  // namespace lockstep::agent::quicd::upstream
