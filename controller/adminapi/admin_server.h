// AdminServer: the admin socket, with health checks and reflection.
#pragma once

#include <memory>
#include <string>

#include "common/rpc/local_door.h"
#include "controller/adminapi/admin_service.h"
#include "controller/identity/access.h"

namespace lockstep::controller::adminapi {

class AdminServer {
 public:
  struct Options {
    std::string socket;
    std::optional<gid_t> group;  // whose members may come in too
  };

  // Listens. Who may come in is `access`'s word, asked for each connection.
  static Result<std::unique_ptr<AdminServer>> Start(const Options& options,
                                                    identity::Access access, Rooms rooms);
  ~AdminServer();  // Stop()

  // Lets nobody in, ends what is open. The state strand must still run. Idempotent.
  void Stop();

 private:
  explicit AdminServer(Rooms rooms) : service_(std::move(rooms)) {}

  AdminService service_;
  std::unique_ptr<rpc::LocalDoor> door_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace lockstep::controller::adminapi
