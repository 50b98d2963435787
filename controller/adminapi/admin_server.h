// AdminServer: the admin socket, with gRPC's health and reflection services beside ours.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "common/rpc/local_server.h"
#include "controller/adminapi/admin_service.h"
#include "controller/identity/access.h"

namespace lockstep::controller::adminapi {

class AdminServer {
 public:
  struct Options {
    std::string socket_path;
    std::optional<gid_t> group;  // who may reach the socket beside its owner
  };
  // Serves once it returns, for the operators that `access` lists. Errors: rpc::LocalDoor::Open.
  static Result<std::unique_ptr<AdminServer>> Start(Options options, identity::Access access,
                                                    Rooms rooms);
  // Ends what runs, watches included, after 2 s at the latest; the state strand must still run.
  // Idempotent.
  void Stop() { server_->Stop(); }

 private:
  explicit AdminServer(Rooms rooms) : service_(std::move(rooms)) {}
  AdminService service_;
  std::unique_ptr<rpc::LocalServer> server_;
};

}  // namespace lockstep::controller::adminapi
