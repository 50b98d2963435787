// LocalServer: gRPC services behind a LocalDoor.
#pragma once

#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/rpc/local_door.h"
#include "common/status/status.h"

namespace lockstep::rpc {

class LocalServer {
 public:
  // Serves once it returns. The services outlive the server. `introspection` adds gRPC's health
  // and reflection services.
  static Result<std::unique_ptr<LocalServer>> Start(LocalDoor::Options options,
                                                    LocalDoor::Admission admission,
                                                    const std::vector<grpc::Service*>& services,
                                                    bool introspection = false);
  ~LocalServer();  // Stop()

  // Lets nobody in any more and waits, at most `leave`, until the calls that run have ended; then
  // they are cancelled. Idempotent.
  void Stop(Micros leave = Seconds(2));

 private:
  LocalServer() = default;
  std::unique_ptr<LocalDoor> door_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace lockstep::rpc
