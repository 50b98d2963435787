#include "agent/drivers/quicd/control_client.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/encoding.h"
#include "common/crypto/secret.h"
#include "common/frame/length_prefix.h"
#include "common/net/socket.h"
#include "common/net/unix_socket.h"

namespace lockstep::agent::drivers::quicd {
namespace {

namespace v1 = ::lockstep::quicd::v1;

constexpr size_t kMaxAnswerBytes = size_t{1} << 20;
constexpr size_t kMaxShownErrors = 5;

Result<net::LocalPeer> PeerOf(int connection, const ControlOptions& options) {
  Result<net::LocalPeer> peer = net::PeerOf(connection);
  if (!peer.ok()) return peer.status().Prefixed(options.socket);
  return peer;
}

Status CheckServer(int connection, const ControlOptions& options) {
  const Result<net::LocalPeer> peer = PeerOf(connection, options);
  if (!peer.ok()) return peer.status();
  const auto& uids = options.server_uids;
  if (std::find(uids.begin(), uids.end(), peer->uid) != uids.end()) return Status::Ok();
  return PermissionDenied("a process of uid " + std::to_string(peer->uid) + " listens on " +
                          options.socket +
                          "; it gets no private key. [quicd] user names whose it may be");
}

std::string Framed(const v1::Request& request) {
  std::string message = request.SerializeAsString();
  std::string frame = frame::Prefixed(message);
  crypto::Wipe(message);
  return frame;
}

Result<std::string> ReceiveMessage(const Fd& socket, const net::Limit& limit) {
  frame::PrefixedReader reader(kMaxAnswerBytes);
  char buffer[4096];
  while (true) {
    LS_ASSIGN_OR_RETURN(std::optional<std::string> message, reader.Next());
    if (message) return *std::move(message);
    LS_ASSIGN_OR_RETURN(const size_t got, net::Receive(socket, buffer, sizeof(buffer), limit));
    if (got == 0) return Unavailable("it hung up");
    reader.Add({buffer, got});
  }
}

Status Refusal(const v1::Refused& refused) {
  std::string words;
  for (int i = 0; i < refused.errors_size() && i < static_cast<int>(kMaxShownErrors); ++i) {
    words += (i == 0 ? "" : "; ") + refused.errors(i);
  }
  return InvalidArgument("lockstep-quicd refuses: " + (words.empty() ? "no reason given" : words));
}

Status Unexpected() {
  return Internal("lockstep-quicd gave the answer to another question; are both of one version?");
}

}  // namespace

Result<Fd> ConnectToServer(const ControlOptions& options) {
  Result<Fd> socket = net::ConnectUnix(options.socket);
  if (!socket.ok()) return socket.status().Prefixed("lockstep-quicd");
  LS_RETURN_IF_ERROR(CheckServer(socket->get(), options));
  return socket;
}

Result<v1::Response> ControlClient::Ask(const v1::Request& request, Micros within) {
  if (request.ByteSizeLong() > frame::kMaxPrefixedBytes) {
    return ResourceExhausted("the configuration of lockstep-quicd is longer than 64 MiB");
  }
  const net::Limit limit(within, options_.stop);
  Result<v1::Response> response = Exchange(Framed(request), limit);
  if (response.ok() && response->has_refused()) return Refusal(response->refused());
  return response;
}

Result<v1::Response> ControlClient::Exchange(std::string frame, const net::Limit& limit) {
  const std::string with = "lockstep-quicd at " + options_.socket;
  Result<Fd> socket = ConnectToServer(options_);
  const Status sent =
      socket.ok() ? net::SendAll(*socket, frame, limit).Prefixed(with) : socket.status();
  crypto::Wipe(frame);
  LS_RETURN_IF_ERROR(sent);
  const Result<std::string> body = ReceiveMessage(*socket, limit);
  if (!body.ok()) return body.status().Prefixed(with);
  v1::Response response;
  if (!response.ParseFromString(*body)) return Internal(with + " answers what cannot be read");
  return response;
}

Result<v1::GetStatusResponse> ControlClient::GetStatus() {
  v1::Request request;
  request.mutable_get_status();
  LS_ASSIGN_OR_RETURN(const v1::Response response, Ask(request, options_.status_call));
  if (!response.has_get_status()) return Unexpected();
  return response.get_status();
}

Result<std::string> ControlClient::Configure(std::string_view config) {
  v1::Request request;
  request.mutable_configure()->set_config(std::string(config));
  const Result<v1::Response> response = Ask(request, options_.call);
  crypto::Wipe(*request.mutable_configure()->mutable_config());
  LS_RETURN_IF_ERROR(response.status());
  if (!response->has_configure()) return Unexpected();
  return response->configure().config_digest();
}

Status ControlClient::Release() {
  v1::Request request;
  request.mutable_release();
  LS_ASSIGN_OR_RETURN(const v1::Response response, Ask(request, options_.call));
  return response.has_release() ? Status::Ok() : Unexpected();
}

// The process that a connection names may end, and its number become another's, before we have hold
// of it. One that listens there still, once we have, is it.
Status ControlClient::End() {
  const auto find = [this]() -> Result<pid_t> {
    LS_ASSIGN_OR_RETURN(const Fd connection, ConnectToServer(options_));
    LS_ASSIGN_OR_RETURN(const net::LocalPeer peer, PeerOf(connection.get(), options_));
    return peer.pid;
  };
  const Result<pid_t> found = find();
  if (found.status().code() == Code::kUnavailable) return Status::Ok();
  LS_RETURN_IF_ERROR(found.status());
  const std::string what = "process " + std::to_string(*found) + " of lockstep-quicd";
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, *found, 0)));
  if (!process.valid()) return FromErrno(errno, what);
  LS_ASSIGN_OR_RETURN(const pid_t again, find());
  if (again != *found) return Aborted("lockstep-quicd was started anew meanwhile");
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) != 0) {
    return FromErrno(errno, "end " + what);
  }
  return Status::Ok();
}

}  // namespace lockstep::agent::drivers::quicd
