#include "controller/cli/exit_code.h"

#include <array>

namespace lockstep::controller::cli {

std::span<const ExitCodeRow> ExitCodes() {
  static constexpr auto kRows = std::to_array<ExitCodeRow>({
      {ExitCode::kOk, "ok", "it is done"},
      {ExitCode::kFailed, "failed", "it was tried and failed"},
      {ExitCode::kUsage, "usage", "the command line, or a file or name in it, is wrong"},
      {ExitCode::kDeclined, "declined",
       "the controller declined: nothing changed; or time ran out: what was begun may go on"},
      {ExitCode::kForbidden, "forbidden", "you may not do this"},
      {ExitCode::kNotFound, "not found", "there is no such thing"},
      {ExitCode::kConflict, "conflict", "it is there already, or somebody else is at it"},
      {ExitCode::kUnavailable, "unavailable", "the controller cannot be reached, or is too busy"},
      {ExitCode::kDegraded, "degraded",
       "the answer is there, and something is not as it should be"},
  });
  return kRows;
}

ExitCode ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return ExitCode::kOk;
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      return ExitCode::kUsage;
    case Code::kFailedPrecondition:
    case Code::kDeadlineExceeded:
    case Code::kCancelled:
      return ExitCode::kDeclined;
    case Code::kPermissionDenied:
    case Code::kUnauthenticated:
      return ExitCode::kForbidden;
    case Code::kNotFound:
      return ExitCode::kNotFound;
    case Code::kAlreadyExists:
    case Code::kAborted:
      return ExitCode::kConflict;
    case Code::kUnavailable:
    case Code::kResourceExhausted:
      return ExitCode::kUnavailable;
    case Code::kUnknown:
    case Code::kUnimplemented:
    case Code::kInternal:
    case Code::kDataLoss:
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

}  // namespace lockstep::controller::cli
