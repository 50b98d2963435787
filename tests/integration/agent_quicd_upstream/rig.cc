#include "tests/integration/agent_quicd_upstream/rig.h"

#include <utility>

namespace lockstep::agent::quicd::upstream {

void Asked::OnHead(ResponseHead got) {
  EXPECT_FALSE(head.has_value());
  head = std::move(got);
  if (on_head) on_head();
}

void Asked::OnBody(Slice slice) {
  EXPECT_TRUE(head.has_value() && !over());
  if (on_body) return on_body(std::move(slice));
  body.append(reinterpret_cast<const char*>(slice.block->data()) + slice.offset, slice.size);
}

void Asked::OnEnd(std::vector<Header> got) {
  EXPECT_TRUE(head.has_value() && !over());
  trailers = std::move(got);
  ended = true;
  exchange.reset();
  on_over_();
}

void Asked::OnFailed(Failure failure, std::string what) {
  EXPECT_FALSE(over());
  failed = failure;
  why = std::move(what);
  exchange.reset();
  on_over_();
}

void Asked::OnWritten(size_t bytes) {
  EXPECT_FALSE(over());
  written += bytes;
  if (on_written) on_written(bytes);
}

std::string Asked::Field(std::string_view name) const {
  for (const Header& header : head.value_or(ResponseHead()).headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

RequestHead Request(std::string method, std::string path) {
  RequestHead head;
  head.method = std::move(method);
  head.scheme = "https";
  head.authority = "www.example.test";
  head.path = std::move(path);
  head.client_address = "203.0.113.7";
  return head;
}

RequestHead Upload(std::string method, std::optional<uint64_t> length) {
  RequestHead head = Request(std::move(method), "/upload");
  head.has_body = true;
  head.content_length = length;
  return head;
}

std::string Answer(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

uint8_t PatternByte(size_t offset) { return static_cast<uint8_t>(offset * 131 + (offset >> 9)); }

std::string FieldOf(std::string_view head, std::string_view name) {
  const std::string wanted = "\r\n" + std::string(name) + ": ";
  const size_t begin = head.find(wanted);
  if (begin == std::string_view::npos) return "";
  const size_t value = begin + wanted.size();
  return std::string(head.substr(value, head.find("\r\n", value) - value));
}

void UpstreamTest::SetUp() { loop_ = std::move(loop::Loop::Create()).value(); }

void UpstreamTest::TearDown() {
  asked_.clear();
  upstream_.reset();  // its connections end, and the server's conversations with them
  server_.reset();
}

void UpstreamTest::Serve(ScriptedServer::Script script) {
  server_ = std::make_unique<ScriptedServer>(std::move(script));
  upstream_ = Upstream::Create(*loop_, MakeSettings(server_->port()));
}

Settings UpstreamTest::MakeSettings(uint16_t port) const {
  Settings settings;
  settings.address = "127.0.0.1";
  settings.port = port;
  settings.secret_header_value = "first-secret";
  settings.max_connections = 8;
  settings.max_idle = 4;
  settings.connect_timeout = Seconds(10);
  settings.head_timeout = Seconds(10);
  settings.idle_timeout = Seconds(10);
  settings.max_head_bytes = 8192;
  return settings;
}

Asked& UpstreamTest::Ask(RequestHead head) {
  asked_.push_back(std::make_unique<Asked>([this] { loop_->Stop(); }));
  Asked& asked = *asked_.back();
  asked.exchange = upstream_->Start(std::move(head), asked);
  EXPECT_FALSE(asked.over());
  return asked;
}

void UpstreamTest::RunUntil(const std::function<bool()>& holds) {
  bool late = false;
  const loop::Loop::TimerId patience = loop_->At(Clock::System().Mono() + Seconds(20), [&] {
    late = true;
    loop_->Stop();
  });
  while (!holds() && !late) loop_->Run();
  loop_->Cancel(patience);
  EXPECT_FALSE(late) << "it did not happen in 20 s";
}

void UpstreamTest::RunUntilOver(const Asked& asked) {
  RunUntil([&] { return asked.over(); });
}

}  // namespace lockstep::agent::quicd::upstream
