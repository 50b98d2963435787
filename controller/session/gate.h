// Gate: who calls, and whether they may. Asked at the start of every call.
#pragma once

#include <grpcpp/server_context.h>

#include <string_view>

#include "common/base/clock.h"
#include "common/base/names.h"
#include "common/status/status.h"
#include "controller/identity/access.h"

namespace lockstep::controller::session {

// Thread-safe as far as access.is_banned is.
class Gate {
 public:
  Gate(identity::Access access, const Clock& clock) : access_(std::move(access)), clock_(clock) {}

  // The node that calls `method`, by its certificate alone. UNAUTHENTICATED or PERMISSION_DENIED;
  // every refusal is logged.
  Result<NodeName> Admit(const grpc::ServerContextBase& context, std::string_view method) const;
  // For calls that need no certificate: OK only if the table says so.
  Status AdmitAnyone(const grpc::ServerContextBase& context, std::string_view method) const;
  bool IsBanned(const NodeName& node) const { return access_.is_banned(node); }

 private:
  const identity::Access access_;
  const Clock& clock_;
};

}  // namespace lockstep::controller::session
