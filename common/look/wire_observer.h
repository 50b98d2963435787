// WireObserver: looks through common/probe, with a connection of its own for each look.
#pragma once

#include "common/look/observer.h"

namespace lockstep::look {

struct Ports {
  uint16_t http = 80;
  uint16_t tls = 443;
  uint16_t quic = 443;
};

class WireObserver final : public Observer {
 public:
  explicit WireObserver(const Clock& clock = Clock::System(), Ports ports = {})
      : clock_(clock), ports_(ports) {}
  types::v1::Observation Observe(const Look& look, Micros deadline, std::stop_token stop) override;

 private:
  const Clock& clock_;
  Ports ports_;
};

}  // namespace lockstep::look
