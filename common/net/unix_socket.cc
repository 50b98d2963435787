#include "common/net/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lockstep::net {
namespace {

constexpr size_t kUsualGroups = 64;

Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return InvalidArgument("the socket path " + path + " has " + std::to_string(path.size()) +
                           " bytes; at most " + std::to_string(sizeof(address.sun_path) - 1) +
                           " are possible");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

Result<Fd> MakeSocket() {
  Fd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.valid()) return FromErrno(errno, "making a socket");
  return made;
}

int Connect(const Fd& socket, const sockaddr_un& address) {
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

Status RemoveStale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? Status::Ok() : FromErrno(errno, "looking at " + path);
  }
  if (!S_ISSOCK(status.st_mode)) return FailedPrecondition(path + " exists and is no socket");
  LS_ASSIGN_OR_RETURN(const Fd probe, MakeSocket());
  // EAGAIN: its backlog is full, so there is somebody.
  if (Connect(probe, address) == 0 || errno == EAGAIN) {
    return AlreadyExists("another process serves " + path);
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return FromErrno(errno, "removing the stale socket " + path);
  }
  return Status::Ok();
}

}  // namespace

Result<Fd> ListenUnix(const std::string& path, const UnixListenOptions& options) {
  LS_ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  LS_RETURN_IF_ERROR(RemoveStale(path, address));
  LS_ASSIGN_OR_RETURN(Fd listener, MakeSocket());
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return FromErrno(errno, "binding " + path);
  }
  if (options.group && ::chown(path.c_str(), static_cast<uid_t>(-1), *options.group) != 0) {
    return FromErrno(errno, "giving " + path + " to group " + std::to_string(*options.group));
  }
  if (::chmod(path.c_str(), options.mode) != 0) return FromErrno(errno, "chmod " + path);
  if (::listen(listener.get(), options.backlog) != 0) return FromErrno(errno, "listen " + path);
  return listener;
}

Result<Fd> ConnectUnix(const std::string& path) {
  LS_ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  LS_ASSIGN_OR_RETURN(Fd socket, MakeSocket());
  if (Connect(socket, address) != 0) {
    return Unavailable(path + " cannot be reached: " + std::strerror(errno));
  }
  return socket;
}

Result<LocalPeer> PeerOf(int connection) {
  ucred credentials{};
  socklen_t length = sizeof(credentials);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return FromErrno(errno, "reading the peer's credentials");
  }
  LocalPeer peer{.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid};
  peer.groups.resize(kUsualGroups);
  length = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
  int got = ::getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &length);
  if (got != 0 && errno == ERANGE) {
    peer.groups.resize(length / sizeof(gid_t));
    got = ::getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &length);
  }
  peer.groups.resize(got == 0 ? length / sizeof(gid_t) : 0);
  return peer;
}

}  // namespace lockstep::net
