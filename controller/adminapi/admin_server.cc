#include "controller/adminapi/admin_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>

namespace lockstep::controller::adminapi {

Result<std::unique_ptr<AdminServer>> AdminServer::Start(const Options& options,
                                                        identity::Access access, Rooms rooms) {
  const Clock& clock = rooms.state.clock();
  std::unique_ptr<AdminServer> out(new AdminServer(std::move(rooms)));
  // Every method of the service is for the same role: who may call one may call all.
  auto admit = [access = std::move(access), &clock](const rpc::LocalPeer& peer) {
    return identity::Authorize("/lockstep.admin.v1.AdminService/GetStatus",
                               identity::LocalPeer{peer.uid, peer.gid, peer.groups}, access,
                               clock.Now());
  };
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  LS_ASSIGN_OR_RETURN(out->server_, rpc::LocalServer::Start(
                                        {.name = "admin", .path = options.socket,
                                         .group = options.group},
                                        std::move(admit), {&out->service_}, true));
  return out;
}

}  // namespace lockstep::controller::adminapi
