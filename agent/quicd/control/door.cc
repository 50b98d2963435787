#include "agent/quicd/control/door.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "common/net/unix_socket.h"

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

}  // namespace

Result<Fd> OpenDoor(const std::string& path) {
  LS_RETURN_IF_ERROR(CheckDirectory(std::filesystem::path(path).parent_path().string()));
  return net::ListenUnix(path, {.mode = 0660, .backlog = kBacklog});
}

Status CheckPeer(int connection, const std::vector<uid_t>& uids) {
  LS_ASSIGN_OR_RETURN(const net::LocalPeer peer, net::PeerOf(connection));
  if (std::find(uids.begin(), uids.end(), peer.uid) != uids.end()) return Status::Ok();
  return PermissionDenied("uid " + std::to_string(peer.uid) + " (pid " + std::to_string(peer.pid) +
                          ") may not configure this server");
}

}  // namespace lockstep::agent::quicd::control
