// ControlClient: the Control of a lockstep-quicd on this machine, over its unix socket.
#pragma once

#include <sys/types.h>

#include <stop_token>
#include <string>
#include <vector>

#include "agent/drivers/quicd/control.h"
#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/net/limit.h"

namespace lockstep::agent::drivers::quicd {

struct ControlOptions {
  std::string socket;
  // Whose process must be at the other end: whoever listens gets every private key.
  std::vector<uid_t> server_uids;
  Micros call = Seconds(10);
  Micros status_call = Seconds(3);  // asked often, and answered at once by one that is well
  std::stop_token stop = {};
};

// A connection to the server; PERMISSION_DENIED if the process at the other end is somebody else's.
Result<Fd> ConnectToServer(const ControlOptions& options);

// A connection for each call.
class ControlClient : public Control {
 public:
  explicit ControlClient(ControlOptions options) : options_(std::move(options)) {}

  Result<lockstep::quicd::v1::GetStatusResponse> GetStatus() override;
  Result<std::string> Configure(std::string_view config) override;
  Status Release() override;
  Status End() override;

 private:
  Result<lockstep::quicd::v1::Response> Ask(const lockstep::quicd::v1::Request& request,
                                            Micros within);
  Result<lockstep::quicd::v1::Response> Exchange(std::string frame, const net::Limit& limit);

  const ControlOptions options_;
};

}  // namespace lockstep::agent::drivers::quicd
