#include "controller/hookapi/hook_server.h"

#include <utility>

namespace lockstep::controller::hookapi {

Result<std::unique_ptr<HookServer>> HookServer::Start(const std::string& socket_path,
                                                      identity::Access access, HookEvents& events,
                                                      task::Executor& state) {
  std::unique_ptr<HookServer> server(new HookServer(events, state));
  // Every method of the service is for the same role: who may call one may call all.
  auto admit = [access = std::move(access), &clock = state.clock()](const rpc::LocalPeer& peer) {
    return identity::Authorize(
        "/lockstep.hook.v1.HookService/Perform",
        identity::LocalPeer{.uid = peer.uid, .gid = peer.gid, .groups = peer.groups}, access,
        clock.Now());
  };
  LS_ASSIGN_OR_RETURN(server->server_,
                      rpc::LocalServer::Start({.name = "hook", .path = socket_path, .group = {}},
                                              std::move(admit), {&server->service_}));
  return server;
}

}  // namespace lockstep::controller::hookapi
