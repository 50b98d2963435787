#include "agent/session/controller_link.h"

#include <grpcpp/create_channel.h>

#include <utility>

#include "common/rpc/settings.h"

namespace lockstep::agent::session {

std::shared_ptr<grpc::Channel> MakeChannel(const ControllerAddress& address,
                                           const std::shared_ptr<grpc::ChannelCredentials>& by) {
  grpc::ChannelArguments arguments = rpc::AgentChannelArguments(address.name);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Otherwise a new channel to the same place would inherit the back-off of the one that failed.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address.endpoint.ToString(), by, arguments);
}

Result<std::unique_ptr<ControllerLink>> ControllerLink::Open(ControllerAddress address,
                                                             const rpc::CertificateFiles& files) {
  LS_ASSIGN_OR_RETURN(std::shared_ptr<grpc::ChannelCredentials> credentials,
                      rpc::MutualClientCredentials(files));
  return std::unique_ptr<ControllerLink>(
      new ControllerLink(std::move(address), std::move(credentials)));
}

ControllerLink::ControllerLink(ControllerAddress address,
                               std::shared_ptr<grpc::ChannelCredentials> credentials)
    : address_(std::move(address)),
      credentials_(std::move(credentials)),
      channel_(MakeChannel(address_, credentials_)) {}

std::shared_ptr<grpc::Channel> ControllerLink::Renew() {
  std::shared_ptr<grpc::Channel> channel = MakeChannel(address_, credentials_);
  const std::lock_guard lock(mutex_);
  channel_ = channel;
  return channel;
}

std::shared_ptr<grpc::Channel> ControllerLink::Current() const {
  const std::lock_guard lock(mutex_);
  return channel_;
}

}  // namespace lockstep::agent::session
