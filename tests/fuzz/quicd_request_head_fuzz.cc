// Arbitrary bytes as an HTTP/3 request. What is not refused must be one HTTP/1.1 request to an
// independent parser: one host, one framing, and not a byte more.
//
// The input is lines: method, scheme, authority, path, what is said of the body, then fields as
// name, 0x1f, value. A line ends at 0x1e, so that all bytes that matter to HTTP can be in one.
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/quicd/upstream/request_head.h"

namespace {

namespace http = boost::beast::http;
namespace upstream = lockstep::agent::quicd::upstream;

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

std::string Take(std::string_view* rest, char end) {
  const size_t at = rest->find(end);
  const std::string taken(rest->substr(0, at));
  rest->remove_prefix(at == std::string_view::npos ? rest->size() : at + 1);
  return taken;
}

upstream::RequestHead ToRequest(std::string_view rest) {
  upstream::RequestHead head;
  head.method = Take(&rest, '\x1e');
  head.scheme = Take(&rest, '\x1e');
  head.authority = Take(&rest, '\x1e');
  head.path = Take(&rest, '\x1e');
  const std::string body = Take(&rest, '\x1e');
  head.has_body = !body.empty();
  if (body.size() > 1) head.content_length = static_cast<uint8_t>(body[1]) % 16;
  head.client_address = "2001:db8::7";
  while (!rest.empty()) {
    std::string line = Take(&rest, '\x1e');
    std::string_view view = line;
    std::string name = Take(&view, '\x1f');
    head.headers.push_back({std::move(name), std::string(view)});
  }
  return head;
}

std::string BodyOf(const upstream::RequestHead& head) {
  switch (upstream::FramingOf(head)) {
    case upstream::Framing::kNone:
      return "";
    case upstream::Framing::kLength:
      return std::string(*head.content_length, 'x');
    case upstream::Framing::kChunked:
      return "1\r\nx\r\n0\r\n\r\n";
  }
  return "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const upstream::RequestHead head = ToRequest({reinterpret_cast<const char*>(data), size});
  if (!upstream::CheckRequest(head).ok()) return 0;
  const std::string wire = upstream::RenderRequest(head, "key") + BodyOf(head);

  http::request_parser<http::string_body> parser;
  parser.header_limit(static_cast<uint32_t>(wire.size() + 1));
  parser.eager(true);
  boost::system::error_code error;
  const size_t used = parser.put({wire.data(), wire.size()}, error);
  Require(!error && parser.is_done() && used == wire.size());
  const http::request<http::string_body>& read = parser.get();
  Require(read.method_string() == head.method && read.target() == head.path);
  Require(read.count("host") == 1 && read["host"] == head.authority);
  Require(read.count("content-length") + read.count("transfer-encoding") <= 1);
  Require(read.count("connection") + read.count("upgrade") + read.count("te") == 0);
  Require(read.count("lockstep-key") == 1 && read["lockstep-key"] == "key");
  Require(read.count("x-forwarded-for") == 1 && read["x-forwarded-for"] == "2001:db8::7");
  Require(read.count("cookie") <= 1 && read.keep_alive());
  return 0;
}
