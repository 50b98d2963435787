// BirdAnnouncer: what BIRD 2 tells its neighbours about the service addresses. It reads, and turns
// off and on no protocol but those that it was given for that.
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
  Micros deadline = Seconds(2);  // of a whole Report or Want
  std::stop_token stop = {};     // ends what is under way at once, and all later ones
  // Which originate the service addresses and may be disabled; none: BIRD is only read.
  std::vector<std::string> may_disable = {};
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
  // UNIMPLEMENTED: who has disabled a protocol by hand enables it by hand.
  Status Announce() override;
  // Disables the protocols, leaving in each a message that says that it was lockstep, and enables
  // those that have it.
  Result<std::string> Want(Wanted wanted, const std::string& reason) override;

 private:
  Result<apply::AnnounceReport> AskBird(const std::vector<IpAddress>& addresses);

  const BirdOptions options_;
  std::mutex mutex_;
  std::vector<IpAddress> addresses_;  // guarded by mutex_
};

}  // namespace lockstep::agent::drivers::bird
