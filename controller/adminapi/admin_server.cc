#include "controller/adminapi/admin_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>

#include "common/rpc/settings.h"

namespace lockstep::controller::adminapi {
namespace {

constexpr auto kStopGrace = std::chrono::seconds(3);

// One method stands for all: they have the same role.
constexpr char kAnyMethod[] = "/lockstep.admin.v1.AdminService/GetStatus";

}  // namespace

Result<std::unique_ptr<AdminServer>> AdminServer::Start(const Options& options,
                                                        identity::Access access, Rooms rooms) {
  const Clock& clock = rooms.state.clock();
  std::unique_ptr<AdminServer> out(new AdminServer(std::move(rooms)));
  rpc::LocalDoor::Options door{"admin", options.socket, options.group};
  LS_ASSIGN_OR_RETURN(
      out->door_,
      rpc::LocalDoor::Open(std::move(door), [access, &clock](const rpc::LocalPeer& peer) {
        return identity::Authorize(kAnyMethod, identity::LocalPeer{peer.uid, peer.gid, peer.groups},
                                   access, clock.Now());
      }));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  rpc::ConfigureLocalServer(builder);
  builder.RegisterService(&out->service_);
  out->door_->AddTo(builder);
  out->server_ = builder.BuildAndStart();
  if (out->server_ == nullptr) return Unavailable("the admin server did not start");
  out->server_->GetHealthCheckService()->SetServingStatus(true);
  out->door_->Serve();
  return out;
}

AdminServer::~AdminServer() { Stop(); }

void AdminServer::Stop() {
  if (door_ != nullptr) door_->Close();
  if (server_ != nullptr) {
    server_->Shutdown(std::chrono::system_clock::now() + kStopGrace);
    server_->Wait();
    server_.reset();
  }
}

}  // namespace lockstep::controller::adminapi
