// ChallengeSource: somebody who may know a challenge that this node lacks.
#pragma once

#include <stop_token>
#include <string>

#include "common/base/clock.h"
#include "common/base/hostname.h"
#include "common/base/names.h"
#include "common/status/status.h"

namespace lockstep::agent::challenge {

// Thread-safe.
class ChallengeSource {
 public:
  virtual ~ChallengeSource() = default;
  // For the log: "controller", "peer fra1".
  virtual std::string name() const = 0;
  // What it says the key authorization is: a foreign text, to be checked. Blocks for at most
  // `deadline`. NOT_FOUND if it knows of none.
  virtual Result<std::string> Fetch(const Hostname& host, const ChallengeToken& token,
                                    Micros deadline, std::stop_token stop) = 0;
};

}  // namespace lockstep::agent::challenge
