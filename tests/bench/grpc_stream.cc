#include "tests/bench/grpc_stream.h"

#include <algorithm>
#include <utility>

namespace lockstep::bench {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kFrameHeader = 9;
constexpr size_t kMaxFrame = 16384;            // RFC 9113 §6.5.2, the default
constexpr uint32_t kStreamWindow = 16U << 20;  // what we grant the peer
constexpr uint32_t kConnectionWindow = 1U << 30;
constexpr size_t kGrantEvery = 4U << 20;

// RFC 9113 §6.
enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
};
constexpr uint8_t kAck = 1;
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kEndHeaders = 4;
constexpr uint8_t kPadded = 8;
constexpr uint16_t kSettingEnablePush = 2;
constexpr uint16_t kSettingInitialWindow = 4;

uint32_t ReadBig32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

void AppendBig(std::string& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift & 255));
  }
}

void AppendFrame(std::string& out, FrameType type, uint8_t flags, uint32_t stream,
                 std::string_view payload) {
  AppendBig(out, payload.size(), 3);
  AppendBig(out, type, 1);
  AppendBig(out, flags, 1);
  AppendBig(out, stream, 4);
  out.append(payload);
}

// A DATA frame that carries `bytes` bytes, for each piece of at most kMaxFrame.
void AppendData(std::string& out, std::string_view bytes) {
  for (size_t start = 0; start < bytes.size(); start += kMaxFrame) {
    AppendFrame(out, kData, 0, 1, bytes.substr(start, kMaxFrame));
  }
}

std::string LengthPrefixed(std::string_view message) {
  std::string out;
  out.reserve(message.size() + 5);
  out.push_back('\0');  // not compressed
  AppendBig(out, message.size(), 4);
  return out.append(message);
}

// RFC 7541 §6.2.2, a literal without indexing; lengths below 127 only.
void AppendLiteral(std::string& out, std::string_view name, std::string_view value) {
  LS_CHECK(name.size() < 127 && value.size() < 127);
  out.push_back('\0');
  out.push_back(static_cast<char>(name.size()));
  out.append(name);
  out.push_back(static_cast<char>(value.size()));
  out.append(value);
}

void AppendSetting(std::string& out, uint16_t id, uint32_t value) {
  AppendBig(out, id, 2);
  AppendBig(out, value, 4);
}

// Settings and the connection's window: what either side begins with.
void AppendGreeting(std::string& out, bool client) {
  std::string settings;
  AppendSetting(settings, kSettingInitialWindow, kStreamWindow);
  if (client) AppendSetting(settings, kSettingEnablePush, 0);
  AppendFrame(out, kSettings, 0, 0, settings);
  std::string increment;
  AppendBig(increment, kConnectionWindow, 4);
  AppendFrame(out, kWindowUpdate, 0, 0, increment);
}

}  // namespace

std::string RenderMessage(std::string_view message) {
  std::string out;
  AppendData(out, LengthPrefixed(message));
  return out;
}

void GrpcStream::Open(std::string_view path, std::string_view authority) {
  output_.append(kPreface);
  AppendGreeting(output_, true);
  std::string headers;
  headers.push_back(static_cast<char>(0x83));  // :method POST
  headers.push_back(static_cast<char>(0x87));  // :scheme https
  AppendLiteral(headers, ":path", path);
  AppendLiteral(headers, ":authority", authority);
  AppendLiteral(headers, "content-type", "application/grpc");
  AppendLiteral(headers, "te", "trailers");
  AppendFrame(output_, kHeaders, kEndHeaders, 1, headers);
}

Status GrpcStream::Receive(std::string_view bytes) {
  input_.append(bytes);
  std::string_view rest = input_;
  if (role_ == Role::kServer && !preface_seen_) {
    if (rest.size() < kPreface.size()) return Status::Ok();
    if (!rest.starts_with(kPreface)) return InvalidArgument("the peer does not speak HTTP/2");
    rest.remove_prefix(kPreface.size());
    preface_seen_ = true;
    AppendGreeting(output_, false);
  }
  while (rest.size() >= kFrameHeader) {
    const size_t length = ReadBig32(rest) >> 8;
    if (rest.size() < kFrameHeader + length) break;
    const Frame frame = {static_cast<uint8_t>(rest[3]), static_cast<uint8_t>(rest[4]),
                         ReadBig32(rest.substr(5)) & 0x7fffffff, rest.substr(kFrameHeader, length)};
    LS_RETURN_IF_ERROR(OnFrame(frame));
    rest.remove_prefix(kFrameHeader + length);
  }
  if (rest.empty()) {
    std::string().swap(input_);  // an idle connection holds no buffer
  } else {
    input_.erase(0, input_.size() - rest.size());
  }
  return Status::Ok();
}

Status GrpcStream::OnFrame(const Frame& frame) {
  switch (frame.type) {
    case kData:
      OnData(frame);
      break;
    case kHeaders:
      if (role_ == Role::kServer) OnHeaders();
      if ((frame.flags & kEndStream) != 0) return Unavailable("the peer ended the stream");
      break;
    case kSettings:
      OnSettings(frame);
      break;
    case kPing:
      if ((frame.flags & kAck) == 0) AppendFrame(output_, kPing, kAck, 0, frame.payload);
      break;
    case kWindowUpdate:
      OnWindowUpdate(frame);
      break;
    case kResetStream:
      return Unavailable("the peer reset the stream, code " +
                         std::to_string(ReadBig32(frame.payload)));
    case kGoAway:
      return Unavailable("the peer says GOAWAY: " + std::string(frame.payload.substr(8)));
    default:
      break;
  }
  return Status::Ok();
}

void GrpcStream::OnHeaders() {
  std::string headers;
  headers.push_back(static_cast<char>(0x88));  // :status 200
  AppendLiteral(headers, "content-type", "application/grpc");
  AppendFrame(output_, kHeaders, kEndHeaders, 1, headers);
}

void GrpcStream::OnSettings(const Frame& frame) {
  if ((frame.flags & kAck) != 0) return;
  for (std::string_view rest = frame.payload; rest.size() >= 6; rest.remove_prefix(6)) {
    const uint32_t id = ReadBig32(rest) >> 16;
    if (id != kSettingInitialWindow) continue;
    const int64_t window = ReadBig32(rest.substr(2));
    stream_window_ += window - std::exchange(peer_initial_window_, window);
  }
  AppendFrame(output_, kSettings, kAck, 0, {});
  SendWaiting();
}

void GrpcStream::OnWindowUpdate(const Frame& frame) {
  (frame.stream == 0 ? connection_window_ : stream_window_) +=
      ReadBig32(frame.payload) & 0x7fffffff;
  SendWaiting();
}

void GrpcStream::OnData(const Frame& frame) {
  std::string_view data = frame.payload;
  if ((frame.flags & kPadded) != 0) {
    const auto padding = static_cast<uint8_t>(data[0]);
    data = data.substr(1, data.size() - 1 - padding);
  }
  const auto whole = [](std::string_view bytes) {
    return bytes.size() >= 5 && bytes.size() - 5 >= ReadBig32(bytes.substr(1));
  };
  const auto deliver = [this](std::string_view& bytes) {
    const size_t length = ReadBig32(bytes.substr(1));
    on_message_(bytes.substr(5, length));
    bytes.remove_prefix(5 + length);
  };
  // Most messages lie in one frame and are handed on from where they are.
  while (message_.empty() && whole(data)) deliver(data);
  if (!data.empty()) {
    message_.append(data);
    std::string_view rest = message_;
    while (whole(rest)) deliver(rest);
    message_.erase(0, message_.size() - rest.size());
    if (message_.empty()) std::string().swap(message_);
  }
  GrantWindow(frame.payload.size());
}

void GrpcStream::GrantWindow(size_t consumed) {
  consumed_ += consumed;
  if (consumed_ < kGrantEvery) return;
  std::string increment;
  AppendBig(increment, std::exchange(consumed_, 0), 4);
  AppendFrame(output_, kWindowUpdate, 0, 0, increment);
  AppendFrame(output_, kWindowUpdate, 0, 1, increment);
}

size_t GrpcStream::SendAllowance() const {
  return static_cast<size_t>(std::max<int64_t>(0, std::min(connection_window_, stream_window_)));
}

void GrpcStream::Send(std::string_view message) {
  waiting_.append(LengthPrefixed(message));
  SendWaiting();
}

void GrpcStream::SendWaiting() {
  const size_t count = std::min(waiting_.size(), SendAllowance());
  if (count == 0) return;
  AppendData(output_, std::string_view(waiting_).substr(0, count));
  connection_window_ -= static_cast<int64_t>(count);
  stream_window_ -= static_cast<int64_t>(count);
  waiting_.erase(0, count);
  if (waiting_.empty()) std::string().swap(waiting_);
}

bool GrpcStream::Reserve(size_t frames_bytes) {
  if (!waiting_.empty() || SendAllowance() < frames_bytes) return false;
  connection_window_ -= static_cast<int64_t>(frames_bytes);
  stream_window_ -= static_cast<int64_t>(frames_bytes);
  return true;
}

}  // namespace lockstep::bench
