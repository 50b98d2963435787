// HookServer: the hook socket.
#pragma once

#include <memory>
#include <string>

#include "common/rpc/local_server.h"
#include "common/task/executor.h"
#include "controller/hookapi/hook_service.h"
#include "controller/identity/access.h"

namespace lockstep::controller::hookapi {

class HookServer {
 public:
  // Serves once it returns, for the uids that `access` lists for the hook. `events` and `state`
  // outlive it. Errors: rpc::LocalDoor::Open.
  static Result<std::unique_ptr<HookServer>> Start(const std::string& socket_path,
                                                   identity::Access access, HookEvents& events,
                                                   task::Executor& state);
  // Lets the calls that run end, for 2 s at most; the state strand must still run. Idempotent.
  void Stop() { server_->Stop(); }

 private:
  HookServer(HookEvents& events, task::Executor& state) : service_(events, state) {}
  HookService service_;
  std::unique_ptr<rpc::LocalServer> server_;
};

}  // namespace lockstep::controller::hookapi
