// The HTTP/1.1 client towards the local Caddy: kept-alive connections, streamed bodies,
// back-pressure both ways.
//
// Everything happens on the loop's thread. A listener is never called from inside Start, Write,
// Finish, Pause, Resume or an exchange's destructor, and may destroy its exchange in any call.
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
  std::string name;  // lower case
  std::string value;
};
struct RequestHead {
  std::string method, scheme, authority, path;
  std::vector<Header> headers;
  std::string client_address;
  uint16_t client_port = 0;
  std::optional<uint64_t> content_length;
  bool has_body = false;  // false: ended with its head
};
struct ResponseHead {
  int status = 0;
  std::vector<Header> headers;
  std::optional<uint64_t> content_length;
};
// Body bytes as they were read from the socket; the receiver keeps them as long as it needs to. A
// slice pins at most a few times its own size.
using Block = std::shared_ptr<const std::vector<uint8_t>>;
struct Slice {
  Block block;
  size_t offset = 0;
  size_t size = 0;
};
// Before the head: answer 502, or 504 for kTimeout. After it: reset the stream.
enum class Failure { kRefused, kTimeout, kMalformed, kTooLarge, kBroken };

class Listener {
 public:
  virtual ~Listener() = default;
  virtual void OnInterim(const ResponseHead&) {}  // 1xx
  virtual void OnHead(ResponseHead head) = 0;
  virtual void OnBody(Slice slice) = 0;
  // Nothing follows. The answer may be complete before the request is: what is left is not wanted.
  virtual void OnEnd(std::vector<Header> trailers) = 0;
  virtual void OnFailed(Failure failure, std::string why) = 0;  // nothing follows
  // Request body bytes that the kernel has taken: flow control may be extended by that.
  virtual void OnWritten(size_t bytes) = 0;
};

// Destroying it cancels: nothing is called afterwards.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // Copies. What has not been reported by OnWritten is held: the caller bounds it.
  virtual void Write(std::span<const uint8_t> body) = 0;
  virtual void Finish() = 0;  // the request body is complete
  // No more is read from the socket; at most what has been read already still arrives.
  virtual void Pause() = 0;
  virtual void Resume() = 0;
};

struct Settings {
  // Caddy's listener, and the value of `Lockstep-Key` by which it knows us.
  std::string address;
  uint16_t port = 0;
  std::string secret_header_value;
  size_t max_connections = 0, max_idle = 0;  // requests beyond the first wait their turn
  // head_timeout: for as long as it is Caddy's turn, or a connection's, before the head has come.
  std::chrono::milliseconds connect_timeout{}, head_timeout{}, idle_timeout{};
  size_t max_head_bytes = 0;  // of a response's head, and of its trailers
};

// Outlives its exchanges.
class Upstream {
 public:
  static std::unique_ptr<Upstream> Create(loop::Loop&, Settings);
  virtual ~Upstream() = default;
  // For what begins from now on; what is under way goes on as it was.
  virtual void Configure(Settings) = 0;
  virtual std::unique_ptr<Exchange> Start(RequestHead head, Listener& listener) = 0;
};

// Pure: whether the request may become HTTP/1.1 at all. InvalidArgument, with what is wrong, means
// 400.
Status CheckRequest(const RequestHead&);

}  // namespace lockstep::agent::quicd::upstream
