// Control: what the driver asks of a lockstep-quicd.
#pragma once

#include <string>
#include <string_view>

#include "common/status/status.h"
#include "lockstep/quicd/v1/quicd.pb.h"

namespace lockstep::agent::drivers::quicd {

// Blocking, one call at a time. UNAVAILABLE while the server cannot be reached, DEADLINE_EXCEEDED
// when it does not answer in time, INVALID_ARGUMENT with its words when it refuses.
class Control {
 public:
  virtual ~Control() = default;
  virtual Result<lockstep::quicd::v1::GetStatusResponse> GetStatus() = 0;
  // Takes a serialised Config and returns the digest that the server computed over it.
  virtual Result<std::string> Configure(std::string_view config) = 0;
  virtual Status Release() = 0;
  // Ends the server's process at once, whatever it is at; who supervises it starts another, which
  // serves nothing. Ok if there is none. PERMISSION_DENIED if it may not be ended by us.
  virtual Status End() = 0;
};

}  // namespace lockstep::agent::drivers::quicd
