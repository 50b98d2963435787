#include "common/rpc/local_server.h"

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_builder.h>

#include <chrono>

#include "common/log/log.h"
#include "common/rpc/settings.h"

namespace lockstep::rpc {

Result<std::unique_ptr<LocalServer>> LocalServer::Start(LocalDoor::Options options,
                                                        LocalDoor::Admission admission,
                                                        const std::vector<grpc::Service*>& services,
                                                        bool introspection) {
  std::unique_ptr<LocalServer> local(new LocalServer);
  const std::string path = options.path;
  LS_ASSIGN_OR_RETURN(local->door_, LocalDoor::Open(std::move(options), std::move(admission)));
  grpc::EnableDefaultHealthCheckService(introspection);
  grpc::ServerBuilder builder;
  ConfigureLocalServer(builder, introspection);
  local->door_->AddTo(builder);
  for (grpc::Service* service : services) builder.RegisterService(service);
  local->server_ = builder.BuildAndStart();
  grpc::EnableDefaultHealthCheckService(false);
  if (local->server_ == nullptr) return Internal("the server behind " + path + " does not start");
  local->door_->Serve();
  log::Info("rpc.listen", {{"socket", path}});
  return local;
}

LocalServer::~LocalServer() { Stop(); }

void LocalServer::Stop(Micros leave) {
  if (server_ == nullptr) return;
  door_->Close();
  server_->Shutdown(std::chrono::system_clock::now() + leave);
  server_.reset();
}

}  // namespace lockstep::rpc
