// AdminServer: the admin socket, with health checks and reflection.
#pragma once

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
    std::string socket;
    std::optional<gid_t> group;  // whose members may come in too
  };

  // Serves once it returns. Who may come in is `access`'s word, asked for each connection. Errors:
  // rpc::LocalDoor::Open.
  static Result<std::unique_ptr<AdminServer>> Start(const Options& options,
                                                    identity::Access access, Rooms rooms);

  // Lets nobody in, ends what is open. The state strand must still run. Idempotent.
  void Stop() { server_->Stop(); }

 private:
  explicit AdminServer(Rooms rooms) : service_(std::move(rooms)) {}

  AdminService service_;
  std::unique_ptr<rpc::LocalServer> server_;
};

}  // namespace lockstep::controller::adminapi
