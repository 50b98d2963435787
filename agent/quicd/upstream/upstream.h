// The HTTP/1.1 client towards the local Caddy.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/quicd/loop/loop.h"
#include "common/status/status.h"

namespace lockstep::agent::quicd::upstream {

struct Header {
  std::string name;
  std::string value;
};
struct RequestHead {
  std::string method, scheme, authority, path;
  std::vector<Header> headers;
  std::string client_address;
  uint16_t client_port = 0;
  std::optional<uint64_t> content_length;
  bool has_body = false;
};
struct ResponseHead {
  int status = 0;
  std::vector<Header> headers;
  std::optional<uint64_t> content_length;
};
using Block = std::shared_ptr<const std::vector<uint8_t>>;
struct Slice {
  Block block;
  size_t offset = 0;
  size_t size = 0;
};
enum class Failure { kRefused, kTimeout, kMalformed, kTooLarge, kBroken };

class Listener {
 public:
  virtual ~Listener() = default;
  virtual void OnInterim(const ResponseHead&) {}
  virtual void OnHead(ResponseHead head) = 0;
  virtual void OnBody(Slice slice) = 0;
  virtual void OnEnd(std::vector<Header> trailers) = 0;
  virtual void OnFailed(Failure failure, std::string why) = 0;
  virtual void OnWritten(size_t bytes) = 0;
};

class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void Write(std::span<const uint8_t> body) = 0;
  virtual void Finish() = 0;
  virtual void Pause() = 0;
  virtual void Resume() = 0;
};

struct Settings {
  std::string address;
  uint16_t port = 0;
  std::string secret_header_value;
  size_t max_connections = 0, max_idle = 0;
  std::chrono::milliseconds connect_timeout{}, head_timeout{}, idle_timeout{};
  size_t max_head_bytes = 0;
};

class Upstream {
 public:
  static std::unique_ptr<Upstream> Create(loop::Loop&, Settings);
  virtual ~Upstream() = default;
  virtual void Configure(Settings) = 0;
  virtual std::unique_ptr<Exchange> Start(RequestHead head, Listener& listener) = 0;
};

Status CheckRequest(const RequestHead&);

}  // namespace lockstep::agent::quicd::upstream
