#include "agent/drivers/quicd/control_client.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/encoding.h"
#include "common/crypto/secret.h"
#include "common/net/socket.h"

namespace lockstep::agent::drivers::quicd {
namespace {

namespace v1 = ::lockstep::quicd::v1;

constexpr size_t kHeaderBytes = 4;
constexpr size_t kMaxRequestBytes = size_t{64} << 20;
constexpr size_t kMaxAnswerBytes = size_t{1} << 20;
constexpr size_t kMaxShownErrors = 5;

Result<ucred> PeerOf(int connection, const ControlOptions& options) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return FromErrno(errno, "reading who listens on " + options.socket);
  }
  return peer;
}

Status CheckServer(int connection, const ControlOptions& options) {
  LS_ASSIGN_OR_RETURN(const ucred peer, PeerOf(connection, options));
  const auto& uids = options.server_uids;
  if (std::find(uids.begin(), uids.end(), peer.uid) != uids.end()) return Status::Ok();
  return PermissionDenied("a process of uid " + std::to_string(peer.uid) + " listens on " +
                          options.socket +
                          "; it gets no private key. [quicd] user names whose it may be");
}

// Before the message: four octets, big-endian.
std::string Framed(const v1::Request& request) {
  const size_t size = request.ByteSizeLong();
  std::string out(kHeaderBytes + size, '\0');
  for (size_t i = 0; i < kHeaderBytes; ++i) {
    out[i] = static_cast<char>(size >> (8 * (kHeaderBytes - 1 - i)));
  }
  request.SerializeToArray(out.data() + kHeaderBytes, static_cast<int>(size));
  return out;
}

Status ReceiveAll(const Fd& socket, char* to, size_t size, const net::Limit& limit) {
  for (size_t got = 0; got < size;) {
    LS_ASSIGN_OR_RETURN(const size_t more, net::Receive(socket, to + got, size - got, limit));
    if (more == 0) return Unavailable("it hung up");
    got += more;
  }
  return Status::Ok();
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
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.socket.size() >= sizeof(address.sun_path)) {
    return InvalidArgument("the socket path " + options.socket + " is too long");
  }
  std::memcpy(address.sun_path, options.socket.c_str(), options.socket.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return FromErrno(errno, "open a socket");
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return Unavailable("lockstep-quicd at " + options.socket +
                       " cannot be reached: " + std::strerror(errno));
  }
  LS_RETURN_IF_ERROR(CheckServer(socket.get(), options));
  return socket;
}

Result<v1::Response> ControlClient::Ask(const v1::Request& request, Micros within) {
  if (request.ByteSizeLong() > kMaxRequestBytes) {
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
  char header[kHeaderBytes];
  LS_RETURN_IF_ERROR(ReceiveAll(*socket, header, sizeof(header), limit).Prefixed(with));
  size_t size = 0;
  for (const char octet : header) size = size << 8 | static_cast<uint8_t>(octet);
  if (size > kMaxAnswerBytes) return Internal(with + " answers more than 1 MiB");
  std::string body(size, '\0');
  LS_RETURN_IF_ERROR(ReceiveAll(*socket, body.data(), size, limit).Prefixed(with));
  v1::Response response;
  if (!response.ParseFromString(body)) return Internal(with + " answers what cannot be read");
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
    LS_ASSIGN_OR_RETURN(const ucred peer, PeerOf(connection.get(), options_));
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
