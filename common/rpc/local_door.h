// A unix socket that a gRPC server is served on, with a look at who connects.
//
// gRPC itself neither knows nor tells who is at the other end of a unix socket, and its local
// credentials call anyone authenticated who can connect. So the door accepts, reads SO_PEERCRED,
// and hands on only the connections that it admits: whoever reaches the server has been admitted.
#pragma once

#include <grpcpp/server_builder.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "common/base/fd.h"
#include "common/net/unix_socket.h"
#include "common/status/status.h"

namespace lockstep::rpc {

using net::LocalPeer;

class LocalDoor {
 public:
  struct Options {
    std::string name;  // for the log: "admin", "hook"
    // In a directory of its own, which is made 0700, or 0750 and of `group` if one is given.
    std::string path;
    std::optional<gid_t> group;
  };
  // PERMISSION_DENIED with the reason for a peer that may not come in. Called on the door's thread.
  using Admission = std::function<Status(const LocalPeer&)>;

  // Binds. A socket that nobody listens on is replaced; ALREADY_EXISTS if somebody does,
  // FAILED_PRECONDITION if the path is something else or its directory another user's.
  static Result<std::unique_ptr<LocalDoor>> Open(Options options, Admission admission);
  ~LocalDoor();  // Close()

  // Before the server is built, once.
  void AddTo(grpc::ServerBuilder& builder);
  // Lets peers in; once the server has started.
  void Serve();
  // Lets nobody in any more and removes the socket; open connections are the server's. Idempotent.
  void Close();

 private:
  LocalDoor(Options options, Admission admission, Fd listener, Fd wake)
      : options_(std::move(options)),
        admission_(std::move(admission)),
        listener_(std::move(listener)),
        wake_(std::move(wake)) {}
  void Loop();
  void AcceptOne();

  const Options options_;
  const Admission admission_;
  Fd listener_;
  Fd wake_;  // an eventfd: readable once Close was called
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::thread thread_;
};

}  // namespace lockstep::rpc
