#include "agent/quicd/control/control_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "agent/quicd/control/door.h"
#include "agent/quicd/control/translate.h"
#include "common/crypto/digest.h"
#include "common/log/log.h"

namespace lockstep::agent::quicd::control {
namespace {

namespace v1 = lockstep::quicd::v1;

constexpr size_t kMaxConnections = 8;
constexpr Millis kMaxGrace = std::chrono::minutes(10);

v1::Response Refuse(const std::vector<std::string>& errors) {
  v1::Response response;
  for (const std::string& error : errors) response.mutable_refused()->add_errors(error);
  return response;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::Open(loop::Loop& loop, server::Server& server,
                                                           Options options) {
  LS_ASSIGN_OR_RETURN(Fd listener, OpenDoor(options.path));
  std::unique_ptr<ControlServer> made(
      new ControlServer(loop, server, std::move(options), std::move(listener)));
  LS_RETURN_IF_ERROR(
      loop.Watch(made->listener_.get(), EPOLLIN, [raw = made.get()](uint32_t) { raw->Accept(); }));
  return made;
}

ControlServer::~ControlServer() {
  loop_.Unwatch(listener_.get());
  for (const auto& [id, connection] : connections_) loop_.Unwatch(connection->socket.get());
  ::unlink(options_.path.c_str());
}

void ControlServer::Accept() {
  Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket.valid()) return;
  const Status admitted = CheckPeer(socket.get(), options_.allowed_uids);
  if (!admitted.ok()) return log::Warning("quicd.control_refused", {{"error", admitted}});
  if (connections_.size() >= kMaxConnections) return;
  const uint64_t id = next_id_++;
  const int fd = socket.get();
  auto connection = std::make_unique<Connection>();
  connection->socket = std::move(socket);
  if (loop_.Watch(fd, EPOLLIN, [this, id](uint32_t events) { OnReady(id, events); }).ok()) {
    connections_.emplace(id, std::move(connection));
  }
}

void ControlServer::OnReady(uint64_t id, uint32_t events) {
  Connection& connection = *connections_.at(id);
  const bool over = ((events & EPOLLOUT) != 0 && !Write(connection)) ||
                    ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0 && !Read(connection));
  if (over) return Drop(id);
  Serve(id);
}

bool ControlServer::Read(Connection& connection) {
  std::array<char, 64 << 10> buffer;
  const ssize_t size = ::read(connection.socket.get(), buffer.data(), buffer.size());
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  connection.in.Add({buffer.data(), static_cast<size_t>(size)});
  return size > 0;
}

bool ControlServer::Write(Connection& connection) {
  const ssize_t size =
      ::send(connection.socket.get(), connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  connection.out.erase(0, static_cast<size_t>(size));
  return true;
}

void ControlServer::Serve(uint64_t id) {
  Connection& connection = *connections_.at(id);
  if (!connection.waiting && connection.out.empty()) {
    Result<std::optional<std::string>> message = connection.in.Next();
    if (!message.ok()) return Drop(id);
    if (message->has_value()) {
      connection.waiting = true;
      Carry(id, std::move(**message));
    }
  }
  const auto still = connections_.find(id);
  if (still == connections_.end()) return;
  loop_.Change(still->second->socket.get(),
               still->second->out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void ControlServer::Carry(uint64_t id, std::string message) {
  v1::Request request;
  const bool parsed = request.ParseFromString(message);
  crypto::Wipe(message);
  if (!parsed) return Answer(id, Refuse({"the request cannot be parsed"}));
  switch (request.request_case()) {
    case v1::Request::kConfigure:
      return Answer(id, Configure(std::move(*request.mutable_configure()->mutable_config())));
    case v1::Request::kGetStatus:
      return Answer(id, GetStatus());
    case v1::Request::kDrain:
      return Drain(id, request.drain());
    case v1::Request::kRelease:
      return Answer(id, Release());
    case v1::Request::REQUEST_NOT_SET:
      break;
  }
  Answer(id, Refuse({"the request is one that this version does not know"}));
}

v1::Response ControlServer::Configure(std::string bytes) {
  const std::string digest = crypto::Sha256(bytes);
  v1::Config config;
  const bool parsed = config.ParseFromString(bytes);
  crypto::Wipe(bytes);
  if (!parsed) return Refuse({"the configuration cannot be parsed"});
  std::vector<std::string> errors;
  server::Settings settings = ToSettings(config, &errors);
  const std::string version = settings.version;
  const size_t sites = settings.sites.size();
  if (!errors.empty()) {
    log::Warning("quicd.config_refused", {{"version", version}, {"error", errors.front()}});
    return Refuse(errors);
  }
  if (const Status status = server_.Configure(std::move(settings)); !status.ok()) {
    log::Warning("quicd.config_refused", {{"version", version}, {"error", status}});
    return Refuse(Lines(status.message()));
  }
  digest_ = digest;
  log::Info("quicd.configured", {{"version", version}, {"sites", sites}});
  v1::Response response;
  response.mutable_configure()->set_config_digest(digest);
  return response;
}

v1::Response ControlServer::GetStatus() const {
  v1::Response response;
  v1::GetStatusResponse& status = *response.mutable_get_status();
  const server::Server::State state = server_.state();
  status.set_program_version(options_.program_version);
  status.set_config_version(state.version);
  status.set_config_digest(digest_);
  for (const Endpoint& endpoint : state.listening) status.add_listening(endpoint.ToString());
  status.set_connections(state.connections);
  status.set_half_open(state.half_open);
  status.set_draining(state.draining);
  FillCounters(server_.seen(), status.mutable_counters());
  return response;
}

v1::Response ControlServer::Release() {
  log::Info("quicd.released");
  server_.Release();
  digest_.clear();
  v1::Response response;
  response.mutable_release();
  return response;
}

void ControlServer::Drain(uint64_t id, const v1::DrainRequest& request) {
  const Millis grace =
      Seconds(request.grace().seconds()) + Millis(request.grace().nanos() / 1000000);
  if (grace < Millis(0) || grace > kMaxGrace) {
    return Answer(id, Refuse({"drain: the grace must be between 0 and 10 minutes"}));
  }
  log::Info("quicd.draining", {{"grace_ms", grace.count()}});
  server_.Drain(grace, [this, id, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    v1::Response response;
    response.mutable_drain();
    Answer(id, response);
  });
}

void ControlServer::Answer(uint64_t id, const v1::Response& response) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;  // it did not wait
  found->second->waiting = false;
  found->second->out += frame::Prefixed(response.SerializeAsString());
  loop_.Change(found->second->socket.get(), EPOLLIN | EPOLLOUT);
}

void ControlServer::Drop(uint64_t id) {
  loop_.Unwatch(connections_.at(id)->socket.get());
  connections_.erase(id);
}

}  // namespace lockstep::agent::quicd::control
