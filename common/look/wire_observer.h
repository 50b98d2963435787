// WireObserver: looks through common/probe, with a connection of its own for each look.
#pragma once

#include <utility>
#include <vector>

#include "common/look/observer.h"

namespace lockstep::look {

struct Ports {
  uint16_t http = 80;
  uint16_t tls = 443;
  uint16_t quic = 443;
};

class WireObserver final : public Observer {
 public:
  // Comes from `sources` where one is of the family that is looked at, and else from where the
  // kernel chooses.
  explicit WireObserver(const Clock& clock = Clock::System(), Ports ports = {},
                        std::vector<IpAddress> sources = {})
      : clock_(clock), ports_(ports), sources_(std::move(sources)) {}
  types::v1::Observation Observe(const Look& look, Micros deadline, std::stop_token stop) override;

 private:
  const Clock& clock_;
  Ports ports_;
  std::vector<IpAddress> sources_;
};

}  // namespace lockstep::look
