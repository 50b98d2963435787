// Requests to map, and what an independent HTTP/1.1 parser reads in the result.
#pragma once

#include <gtest/gtest.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/quicd/upstream/request_head.h"

namespace lockstep::agent::quicd::upstream {

namespace http = boost::beast::http;

inline constexpr std::string_view kKey = "per-boot-secret";

inline RequestHead Get() {
  RequestHead head;
  head.method = "GET";
  head.scheme = "https";
  head.authority = "www.example.test";
  head.path = "/a?b=c";
  head.client_address = "203.0.113.7";
  head.client_port = 4711;
  return head;
}

inline RequestHead With(std::vector<Header> headers) {
  RequestHead head = Get();
  head.headers = std::move(headers);
  return head;
}

inline RequestHead Post(std::optional<uint64_t> content_length, std::vector<Header> headers) {
  RequestHead head = With(std::move(headers));
  head.method = "POST";
  head.has_body = true;
  head.content_length = content_length;
  return head;
}

// What an independent HTTP/1.1 parser reads in `wire`, and that it is one request and no byte more.
inline http::request<http::string_body> ReadBack(const std::string& wire) {
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  boost::system::error_code error;
  const size_t used = parser.put({wire.data(), wire.size()}, error);
  EXPECT_FALSE(error) << error.message() << " in\n" << wire;
  EXPECT_EQ(used, wire.size()) << wire;
  EXPECT_TRUE(parser.is_done()) << wire;
  return parser.release();
}

inline http::request<http::string_body> Sent(const RequestHead& head, std::string_view body = {}) {
  EXPECT_EQ(CheckRequest(head), Status::Ok());
  return ReadBack(RenderRequest(head, kKey).append(body));
}

inline std::string Value(const http::request<http::string_body>& request, std::string_view name) {
  EXPECT_LE(request.count({name.data(), name.size()}), 1U) << name;
  const auto value = request[{name.data(), name.size()}];
  return {value.data(), value.size()};
}

}  // namespace lockstep::agent::quicd::upstream
