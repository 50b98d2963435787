#include "common/rpc/status.h"

#include <string>

namespace lockstep::rpc {
namespace {

constexpr bool Same(Code ours, grpc::StatusCode theirs) {
  return static_cast<int>(ours) == static_cast<int>(theirs);
}
static_assert(Same(Code::kOk, grpc::OK));
static_assert(Same(Code::kCancelled, grpc::CANCELLED));
static_assert(Same(Code::kUnknown, grpc::UNKNOWN));
static_assert(Same(Code::kInvalidArgument, grpc::INVALID_ARGUMENT));
static_assert(Same(Code::kDeadlineExceeded, grpc::DEADLINE_EXCEEDED));
static_assert(Same(Code::kNotFound, grpc::NOT_FOUND));
static_assert(Same(Code::kAlreadyExists, grpc::ALREADY_EXISTS));
static_assert(Same(Code::kPermissionDenied, grpc::PERMISSION_DENIED));
static_assert(Same(Code::kResourceExhausted, grpc::RESOURCE_EXHAUSTED));
static_assert(Same(Code::kFailedPrecondition, grpc::FAILED_PRECONDITION));
static_assert(Same(Code::kAborted, grpc::ABORTED));
static_assert(Same(Code::kOutOfRange, grpc::OUT_OF_RANGE));
static_assert(Same(Code::kUnimplemented, grpc::UNIMPLEMENTED));
static_assert(Same(Code::kInternal, grpc::INTERNAL));
static_assert(Same(Code::kUnavailable, grpc::UNAVAILABLE));
static_assert(Same(Code::kDataLoss, grpc::DATA_LOSS));
static_assert(Same(Code::kUnauthenticated, grpc::UNAUTHENTICATED));

// Line feeds stay: an answer may list several errors. Everything else below space could drive the
// terminal that it ends up on.
std::string Printable(const std::string& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

grpc::Status ToGrpc(const Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), status.message()};
}

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return {};
  const int code = status.error_code();
  const bool known = code > 0 && code <= static_cast<int>(Code::kUnauthenticated);
  return {known ? static_cast<Code>(code) : Code::kUnknown, Printable(status.error_message())};
}

}  // namespace lockstep::rpc
