#include "common/rpc/local_door.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "common/log/log.h"

namespace lockstep::rpc {
namespace {

// How long to leave the listener alone when there is no descriptor left to accept with.
constexpr int kOutOfDescriptorsPauseMs = 100;

Status PrepareDirectory(const std::string& directory, std::optional<gid_t> group) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(directory).parent_path(), error);
  if (error) return FromErrno(error.value(), "making the directory of " + directory);
  const mode_t mode = group ? 0750 : 0700;
  if (::mkdir(directory.c_str(), mode) != 0 && errno != EEXIST) {
    return FromErrno(errno, "making " + directory);
  }
  struct stat status {};
  if (::lstat(directory.c_str(), &status) != 0) return FromErrno(errno, "looking at " + directory);
  if (!S_ISDIR(status.st_mode)) return FailedPrecondition(directory + " is no directory");
  if (status.st_uid != ::geteuid()) {
    return FailedPrecondition(directory + " belongs to uid " + std::to_string(status.st_uid) +
                              ", not to us (" + std::to_string(::geteuid()) + ")");
  }
  if (group && ::chown(directory.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    return FromErrno(errno, "giving " + directory + " to group " + std::to_string(*group));
  }
  if (::chmod(directory.c_str(), mode) != 0) return FromErrno(errno, "chmod " + directory);
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<LocalDoor>> LocalDoor::Open(Options options, Admission admission) {
  LS_RETURN_IF_ERROR(
      PrepareDirectory(std::filesystem::path(options.path).parent_path().string(), options.group));
  const mode_t mode = options.group ? 0660 : 0600;
  LS_ASSIGN_OR_RETURN(Fd listener,
                      net::ListenUnix(options.path, {.mode = mode, .group = options.group}));
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return FromErrno(errno, "making an eventfd");
  return std::unique_ptr<LocalDoor>(new LocalDoor(std::move(options), std::move(admission),
                                                  std::move(listener), std::move(wake)));
}

LocalDoor::~LocalDoor() { Close(); }

void LocalDoor::AddTo(grpc::ServerBuilder& builder) {
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
}

void LocalDoor::Serve() {
  LS_CHECK(acceptor_ != nullptr && !thread_.joinable());
  thread_ = std::thread([this] { Loop(); });
  pthread_setname_np(thread_.native_handle(), ("door " + options_.name).substr(0, 15).c_str());
}

void LocalDoor::Close() {
  if (!listener_.valid()) return;
  const uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof(one)) < 0) {
    log::Error("rpc.door", {{"door", options_.name}, {"error", FromErrno(errno, "eventfd")}});
  }
  if (thread_.joinable()) thread_.join();
  ::unlink(options_.path.c_str());
  listener_.Reset();
}

void LocalDoor::Loop() {
  while (true) {
    pollfd waits[2] = {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                       {.fd = listener_.get(), .events = POLLIN, .revents = 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if (waits[0].revents != 0) return;
    if (waits[1].revents != 0) AcceptOne();
  }
}

void LocalDoor::AcceptOne() {
  Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection.valid()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      log::Error("rpc.door", {{"door", options_.name}, {"error", FromErrno(errno, "accept")}});
      pollfd stop{.fd = wake_.get(), .events = POLLIN, .revents = 0};
      ::poll(&stop, 1, kOutOfDescriptorsPauseMs);
    }
    return;
  }
  const Result<LocalPeer> peer = net::PeerOf(connection.get());
  const Status admitted = peer.ok() ? admission_(*peer) : peer.status();
  if (!admitted.ok()) {
    log::Warning("rpc.refused", {{"door", options_.name},
                                 {"uid", peer.ok() ? std::to_string(peer->uid) : "unknown"},
                                 {"pid", peer.ok() ? std::to_string(peer->pid) : "unknown"},
                                 {"error", admitted}});
    return;
  }
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connected;
  connected.fd = connection.Release();
  acceptor_->HandleNewConnection(&connected);
}

}  // namespace lockstep::rpc
