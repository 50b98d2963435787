#include "controller/adminapi/admin_server.h"

#include <google/protobuf/descriptor.h>

#include <utility>

namespace lockstep::controller::adminapi {

Result<std::unique_ptr<AdminServer>> AdminServer::Start(Options options, identity::Access access,
                                                        Rooms rooms) {
  // admin.proto has services alone: naming its table is what links in what reflection tells of.
  LS_CHECK(google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
               descriptor_table_lockstep_2fadmin_2fv1_2fadmin_2eproto.filename) != nullptr);
  auto& clock = rooms.state.clock();
  std::unique_ptr<AdminServer> server(new AdminServer(std::move(rooms)));
  // Every method of the socket is for operators: who may call one may call all.
  auto admit = [access = std::move(access), &clock](const rpc::LocalPeer& peer) {
    return identity::Authorize(
        "/lockstep.admin.v1.AdminService/GetStatus",
        identity::LocalPeer{.uid = peer.uid, .gid = peer.gid, .groups = peer.groups}, access,
        clock.Now());
  };
  LS_ASSIGN_OR_RETURN(
      server->server_,
      rpc::LocalServer::Start(
          {.name = "admin", .path = std::move(options.socket_path), .group = options.group},
          std::move(admit), {&server->service_}, true));
  return server;
}

}  // namespace lockstep::controller::adminapi
