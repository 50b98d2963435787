// Status and Result<T>: how every function that can fail says so.
//
// Codes are gRPC's seventeen canonical ones, so that an error travels from a store to an operator's
// terminal unchanged. Messages are lower case, carry no full stop, name the thing and what to do,
// and never hold a secret. Add context once per layer with Status::Prefixed.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace lockstep {

// Values equal grpc::StatusCode (checked in common/rpc).
enum class Code {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The code as gRPC spells it: "NOT_FOUND".
std::string_view CodeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // ok
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  static Status Ok() { return {}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same status with "<context>: " before its message; ok stays ok.
  Status Prefixed(std::string_view context) const;
  // "NOT_FOUND: no site www.example.test", or "OK".
  std::string ToString() const;

  friend bool operator==(const Status&, const Status&) = default;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

std::ostream& operator<<(std::ostream& out, const Status& status);

Status Cancelled(std::string message);
Status Unknown(std::string message);
Status InvalidArgument(std::string message);
Status DeadlineExceeded(std::string message);
Status NotFound(std::string message);
Status AlreadyExists(std::string message);
Status PermissionDenied(std::string message);
Status ResourceExhausted(std::string message);
Status FailedPrecondition(std::string message);
Status Aborted(std::string message);
Status OutOfRange(std::string message);
Status Unimplemented(std::string message);
Status Internal(std::string message);
Status Unavailable(std::string message);
Status DataLoss(std::string message);
Status Unauthenticated(std::string message);

// The status for a failed system call: "<what>: <strerror>", with the nearest canonical code
// (ENOENT not found, EACCES permission denied, ENOSPC resource exhausted, others unavailable).
Status FromErrno(int error, std::string_view what);

namespace status_internal {
// Prints and aborts: our own invariants only, never something a peer, file or operator can cause.
[[noreturn]] void CheckFailed(const char* file, int line, std::string_view what);
}  // namespace status_internal

#define LS_CHECK(condition)                                                                     \
  do {                                                                                          \
    if (!(condition)) ::lockstep::status_internal::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (false)

// A T or the Status that says why there is none. Reading value() of an error aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): `return value;` is the point
  Result(T value) : state_(std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): `return NotFound(…);` likewise
  Result(Status status) : state_(std::move(status)) { LS_CHECK(!std::get<Status>(state_).ok()); }

  bool ok() const { return std::holds_alternative<T>(state_); }
  Status status() const { return ok() ? Status() : std::get<Status>(state_); }

  const T& value() const& {
    RequireOk();
    return std::get<T>(state_);
  }
  T& value() & {
    RequireOk();
    return std::get<T>(state_);
  }
  T&& value() && {
    RequireOk();
    return std::get<T>(std::move(state_));
  }
  T value_or(T other) const& { return ok() ? std::get<T>(state_) : std::move(other); }

  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  void RequireOk() const {
    if (!ok()) {
      status_internal::CheckFailed(__FILE__, __LINE__,
                                   "value() of an error: " + std::get<Status>(state_).ToString());
    }
  }
  std::variant<T, Status> state_;
};

#define LS_CONCAT_INNER(a, b) a##b
#define LS_CONCAT(a, b) LS_CONCAT_INNER(a, b)

#define LS_RETURN_IF_ERROR(expression)                    \
  do {                                                    \
    if (auto ls_status = (expression); !ls_status.ok()) { \
      return ls_status;                                   \
    }                                                     \
  } while (false)

#define LS_ASSIGN_OR_RETURN(declaration, expression) \
  LS_ASSIGN_OR_RETURN_INNER(LS_CONCAT(ls_result_, __LINE__), declaration, expression)
#define LS_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                      \
  if (!result.ok()) return result.status();                        \
  declaration = std::move(result).value()

}  // namespace lockstep
