// BirdAnnouncer: what BIRD 2 tells its neighbours about the service addresses. Read only.
#pragma once

#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/apply/driver.h"
#include "agent/drivers/bird/control_session.h"
#include "agent/drivers/bird/protocols.h"
#include "common/base/clock.h"
#include "common/base/ip.h"

namespace lockstep::agent::drivers::bird {

struct BirdOptions {
  std::string socket = "/run/bird/bird.ctl";
  Micros deadline = Seconds(2);  // of a whole Report
  std::stop_token stop = {};     // ends a Report at once, and all later ones
};

// Safe from any thread.
class BirdAnnouncer : public apply::Announcer {
 public:
  explicit BirdAnnouncer(BirdOptions options) : options_(std::move(options)) {}

  // What to look for: the snapshot's service addresses. Until it is told, the state is unknown.
  void SetServiceAddresses(std::vector<IpAddress> addresses) override;

  // Announced if a route that covers a service address is exported to a protocol that speaks to
  // other machines; withdrawn if BIRD says of every one that there is none; else unknown, with the
  // reason. The daemon's word alone: never `confirmed`.
  apply::AnnounceReport Report() override;
  // UNIMPLEMENTED: enable or disable the protocol that originates the service prefixes.
  Status Announce() override;
  Status Withdraw() override;

 private:
  Result<apply::AnnounceReport> AskBird(const std::vector<IpAddress>& addresses);

  const BirdOptions options_;
  std::mutex mutex_;
  std::vector<IpAddress> addresses_;  // guarded by mutex_
};

}  // namespace lockstep::agent::drivers::bird
