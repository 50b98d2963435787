#include "controller/drivers/certbot/hook/run_hook.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "common/crypto/secret.h"
#include "common/log/log.h"
#include "common/rpc/settings.h"
#include "common/rpc/status.h"
#include "controller/drivers/certbot/hook/challenges_json.h"
#include "lockstep/hook/v1/hook.grpc.pb.h"

namespace lockstep::controller::drivers::certbot {
namespace {

constexpr size_t kMaxInputBytes = size_t{1} << 20;
constexpr size_t kMaxSecretBytes = 4096;
constexpr double kMaxDeadlineSeconds = 86400;

struct Environment {
  std::string socket;
  std::string order;
  crypto::Secret secret;
  std::chrono::milliseconds deadline{0};
};

Result<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') {
    return FailedPrecondition(std::string(name) +
                              " is not set: this program is run by certbot's lockstep plugin");
  }
  return std::string(value);
}

// From the start of the descriptor, which perform and cleanup share: its position does not move.
Result<crypto::Secret> ReadSecret(int fd) {
  std::string secret(kMaxSecretBytes, '\0');
  const ssize_t bytes = pread(fd, secret.data(), secret.size(), 0);
  if (bytes < 0) return FromErrno(errno, "cannot read the order's secret");
  if (bytes == 0) return FailedPrecondition("the order's secret is empty");
  secret.resize(static_cast<size_t>(bytes));
  return crypto::Secret(std::move(secret));
}

Result<Environment> ReadEnvironment() {
  Environment environment;
  LS_ASSIGN_OR_RETURN(environment.socket, Variable("LOCKSTEP_HOOK_SOCKET"));
  LS_ASSIGN_OR_RETURN(environment.order, Variable("LOCKSTEP_ORDER"));
  LS_ASSIGN_OR_RETURN(const std::string fd, Variable("LOCKSTEP_SECRET_FD"));
  int number = -1;
  const auto [end, error] = std::from_chars(fd.data(), fd.data() + fd.size(), number);
  if (error != std::errc() || end != fd.data() + fd.size()) {
    return FailedPrecondition("LOCKSTEP_SECRET_FD is no number");
  }
  LS_ASSIGN_OR_RETURN(environment.secret, ReadSecret(number));
  LS_ASSIGN_OR_RETURN(const std::string deadline, Variable("LOCKSTEP_HOOK_DEADLINE"));
  const double seconds = std::strtod(deadline.c_str(), nullptr);
  if (!(seconds > 0 && seconds <= kMaxDeadlineSeconds)) {
    return FailedPrecondition("LOCKSTEP_HOOK_DEADLINE is no number of seconds");
  }
  environment.deadline = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
  return environment;
}

Result<std::string> ReadInput() {
  std::string input;
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t bytes = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return FromErrno(errno, "cannot read standard input");
    if (bytes == 0) return input;
    input.append(buffer.data(), static_cast<size_t>(bytes));
    if (input.size() > kMaxInputBytes) {
      return InvalidArgument("standard input is longer than 1 MiB");
    }
  }
}

Status Perform(const Environment& environment, hook::v1::HookService::Stub& stub,
               grpc::ClientContext& context) {
  hook::v1::PerformRequest request;
  LS_ASSIGN_OR_RETURN(const std::string input, ReadInput());
  LS_RETURN_IF_ERROR(ReadChallenges(input, &request));
  request.set_order(environment.order);
  request.set_secret(std::string(environment.secret.Reveal()));
  hook::v1::PerformResponse response;
  return rpc::FromGrpc(stub.Perform(&context, request, &response));
}

Status Cleanup(const Environment& environment, hook::v1::HookService::Stub& stub,
               grpc::ClientContext& context) {
  hook::v1::CleanupRequest request;
  request.set_order(environment.order);
  request.set_secret(std::string(environment.secret.Reveal()));
  hook::v1::CleanupResponse response;
  return rpc::FromGrpc(stub.Cleanup(&context, request, &response));
}

Status Run(bool perform) {
  LS_ASSIGN_OR_RETURN(const Environment environment, ReadEnvironment());
  const auto stub = hook::v1::HookService::NewStub(
      grpc::CreateCustomChannel("unix:" + environment.socket, grpc::InsecureChannelCredentials(),
                                rpc::LocalChannelArguments()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + environment.deadline);
  Status status =
      perform ? Perform(environment, *stub, context) : Cleanup(environment, *stub, context);
  if (status.code() == Code::kUnavailable) {
    return status.Prefixed("the controller does not answer on " + environment.socket);
  }
  return status;
}

}  // namespace

int RunHook(int argc, char** argv) {
  const std::string_view verb = argc == 2 ? argv[1] : "";
  if (verb != "perform" && verb != "cleanup") {
    std::cerr << "usage: lockstep-certbot-hook perform|cleanup\n";
    return 2;
  }
  log::Configure(log::Level::kError);  // standard error is for our words alone
  rpc::ConfigureProcess();
  const Status status = Run(verb == "perform");
  if (status.ok()) return 0;
  // The words alone: certbot prints them, and the controller reads them back.
  std::cerr << status.message() << "\n";
  return 1;
}

}  // namespace lockstep::controller::drivers::certbot
