#include "agent/quicd/control/door.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace lockstep::agent::quicd::control {
namespace {

constexpr int kBacklog = 8;

Status CheckDirectory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return FromErrno(errno, "making " + directory);
  }
  struct stat status {};
  if (::lstat(directory.c_str(), &status) != 0) return FromErrno(errno, "looking at " + directory);
  if (!S_ISDIR(status.st_mode)) return FailedPrecondition(directory + " is no directory");
  if (status.st_uid != ::geteuid()) {
    return FailedPrecondition(directory + " belongs to uid " + std::to_string(status.st_uid) +
                              ", not to us (" + std::to_string(::geteuid()) + ")");
  }
  if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
    return FailedPrecondition(directory + " is open to others; chmod 2750 it");
  }
  return Status::Ok();
}

Status RemoveStale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? Status::Ok() : FromErrno(errno, "looking at " + path);
  }
  if (!S_ISSOCK(status.st_mode)) return FailedPrecondition(path + " exists and is no socket");
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe.valid()) return FromErrno(errno, "making a socket");
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return AlreadyExists("another process serves " + path);
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return FromErrno(errno, "removing the stale socket " + path);
  }
  return Status::Ok();
}

}  // namespace

Result<Fd> OpenDoor(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return InvalidArgument("the socket path " + path + " is too long");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  LS_RETURN_IF_ERROR(CheckDirectory(std::filesystem::path(path).parent_path().string()));
  LS_RETURN_IF_ERROR(RemoveStale(path, address));
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.valid()) return FromErrno(errno, "making a socket");
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return FromErrno(errno, "binding " + path);
  }
  if (::chmod(path.c_str(), 0660) != 0) return FromErrno(errno, "chmod " + path);
  if (::listen(listener.get(), kBacklog) != 0) return FromErrno(errno, "listen " + path);
  return listener;
}

Status CheckPeer(int connection, const std::vector<uid_t>& uids) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return FromErrno(errno, "reading the peer's credentials");
  }
  if (std::find(uids.begin(), uids.end(), peer.uid) != uids.end()) return Status::Ok();
  return PermissionDenied("uid " + std::to_string(peer.uid) + " (pid " + std::to_string(peer.pid) +
                          ") may not configure this server");
}

}  // namespace lockstep::agent::quicd::control
