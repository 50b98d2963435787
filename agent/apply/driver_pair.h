// DriverPair: the web server and the QUIC server of a node, as one Driver.
//
// Only one of the two can have UDP 443. Whoever must give it up is told first, so that the other
// finds it free; in both directions that is also what makes the time without HTTP/3 short.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/apply/driver.h"

namespace lockstep::agent::apply {

enum class Half { kWeb, kQuic };

// PURE: who is told first. Towards lockstep-quicd that is the web server: it lets go of UDP 443 and
// opens the listener that the other passes requests on to.
std::pair<Half, Half> OrderOf(reconcile::QuicServer wanted);

class DriverPair : public Driver {
 public:
  // Both must outlive it.
  DriverPair(Driver& web, Driver& quic) : web_(web), quic_(quic) {}

  std::string name() const override { return "local servers"; }
  std::vector<std::string> Capabilities() override;
  Status Check(const reconcile::Desired& desired) override;
  // If the second one refuses, the first one is given `before` back.
  Status Apply(const reconcile::Desired& desired, const reconcile::Desired* before) override;
  Status Ensure() override;
  std::vector<std::string> Inspect() override;
  std::vector<std::string> WhyNotRefused() override;
  void Watch(std::function<void()> on_restart) override;
  void StopWatching() override;

 private:
  Driver& Of(Half half) { return half == Half::kWeb ? web_ : quic_; }

  Driver& web_;
  Driver& quic_;
};

}  // namespace lockstep::agent::apply
