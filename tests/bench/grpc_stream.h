// One gRPC stream over one HTTP/2 connection, by hand: enough of RFC 9113 for both ends of a
// benchmark to be measured against, and nothing that costs time. No compression state: headers are
// literals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/status/status.h"

namespace lockstep::bench {

// A message as DATA frames of stream 1: rendered once, it may be written to many connections.
std::string RenderMessage(std::string_view message);

class GrpcStream {
 public:
  enum class Role { kClient, kServer };
  // `on_message` gets every whole message; the view is valid during the call.
  GrpcStream(Role role, std::function<void(std::string_view)> on_message)
      : role_(role), on_message_(std::move(on_message)) {}

  // Client: preface, settings and the request's headers; `path` is "/package.Service/Method".
  void Open(std::string_view path, std::string_view authority);
  // Takes what came from the peer. An error ends the connection: a reset, a GOAWAY, trailers.
  Status Receive(std::string_view bytes);
  // Sends a message, now or as soon as the peer's flow-control windows allow.
  void Send(std::string_view message);
  // For frames of RenderMessage that the caller writes itself, after all output: false if the
  // windows do not allow `frames_bytes` now (then Send the message instead).
  bool Reserve(size_t frames_bytes);

  // What must be written to the peer; empties it.
  std::string TakeOutput() { return std::exchange(output_, {}); }
  bool has_output() const { return !output_.empty(); }

 private:
  struct Frame {
    uint8_t type = 0;
    uint8_t flags = 0;
    uint32_t stream = 0;
    std::string_view payload;
  };
  Status OnFrame(const Frame& frame);
  void OnSettings(const Frame& frame);
  void OnHeaders();
  void OnData(const Frame& frame);
  void OnWindowUpdate(const Frame& frame);
  void GrantWindow(size_t consumed);
  void SendWaiting();
  size_t SendAllowance() const;

  Role role_;
  std::function<void(std::string_view)> on_message_;
  bool preface_seen_ = false;
  std::string input_;    // frames, incomplete at the end
  std::string message_;  // the message that is being put together
  std::string output_;
  std::string waiting_;  // length-prefixed messages that the windows held back
  int64_t connection_window_ = 65535;
  int64_t stream_window_ = 65535;
  int64_t peer_initial_window_ = 65535;
  size_t consumed_ = 0;  // since the windows were last granted
};

}  // namespace lockstep::bench
