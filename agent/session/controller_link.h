// ControllerLink: how the controller is reached: its address, its name, and who we are to it.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <mutex>
#include <string>

#include "common/base/ip.h"
#include "common/rpc/tls.h"
#include "common/status/status.h"

namespace lockstep::agent::session {

struct ControllerAddress {
  Endpoint endpoint;
  std::string name;  // what its certificate must carry
};

// Thread-safe. One channel at a time, shared by the stream and the calls beside it.
class ControllerLink {
 public:
  // Reads the identity's files; they are watched from then on.
  static Result<std::unique_ptr<ControllerLink>> Open(ControllerAddress address,
                                                      const rpc::CertificateFiles& files);

  // A new channel, which Current gives from now on. gRPC's own reconnection never shows: one that
  // failed is replaced.
  std::shared_ptr<grpc::Channel> Renew();
  // Never null.
  std::shared_ptr<grpc::Channel> Current() const;

 private:
  ControllerLink(ControllerAddress address, std::shared_ptr<grpc::ChannelCredentials> credentials);

  const ControllerAddress address_;
  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  mutable std::mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_;  // guarded by mutex_
};

// Also for enrolment, which has other credentials.
std::shared_ptr<grpc::Channel> MakeChannel(const ControllerAddress& address,
                                           const std::shared_ptr<grpc::ChannelCredentials>& by);

}  // namespace lockstep::agent::session
