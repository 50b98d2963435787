// Status ↔ grpc::Status. The codes are the same.
#pragma once

#include <grpcpp/support/status.h>

#include "common/status/status.h"

namespace lockstep::rpc {

grpc::Status ToGrpc(const Status& status);
// Control characters of a foreign message are escaped.
Status FromGrpc(const grpc::Status& status);

}  // namespace lockstep::rpc
