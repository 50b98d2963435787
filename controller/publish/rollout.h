// Rollout: the decisions on one generation's way through the fleet, without any I/O.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/names.h"

namespace lockstep::controller::publish {

// What is known of the fleet, as far as this generation goes.
struct RolloutFacts {
  std::set<NodeName> connected;
  // Connected, acknowledged this generation, and every proof of it good.
  std::set<NodeName> proved;
  // NACKs of this generation, with the node's words.
  std::map<NodeName, std::string> rejected;
  // Banned, removed or suspect since it was released: nobody waits for these.
  std::set<NodeName> left;
  // Why a node has not proved it yet, for the message at the deadline.
  std::map<NodeName, std::string> lacking;
  MonoTime now;
};

// Wave by wave: release a wave's nodes, wait until all that are released have proved it, soak, go
// on. A node that is away when its wave begins does not hold it up (it gets the generation when it
// returns); one that goes away with the new generation does, until the wave's deadline.
class Rollout {
 public:
  struct Options {
    Micros soak = Seconds(30);           // between waves; 0: none
    Micros wave_deadline = Seconds(60);  // for all of a wave to prove it
  };

  Rollout(Options options, std::vector<std::vector<NodeName>> waves, MonoTime now);

  struct Step {
    std::vector<NodeName> release;    // push the generation to these now
    bool proved = false;              // every node that is there has proved it: the rollout is over
    bool failed = false;              // stop and roll back
    std::string problem;              // why it failed
    std::optional<MonoTime> wake_at;  // ask again then, if nothing happens before
  };
  // After every change of the facts. Once proved or failed it says so again for ever.
  Step Advance(const RolloutFacts& facts);

  const std::set<NodeName>& released() const { return released_; }
  // From 1.
  size_t wave() const { return wave_ + 1; }
  size_t waves() const { return waves_.size(); }

 private:
  enum class Phase { kProving, kSoaking, kProved, kFailed };

  void ReleaseConnected(const RolloutFacts& facts, Step* step);
  bool AllProved(const RolloutFacts& facts) const;
  bool ReachesSomebody(const RolloutFacts& facts) const;
  void Fail(std::string problem, Step* step);
  // True if there may be more to do at once.
  bool AdvanceProving(const RolloutFacts& facts, Step* step);
  bool AdvanceSoaking(const RolloutFacts& facts, Step* step);

  const Options options_;
  const std::vector<std::vector<NodeName>> waves_;
  Phase phase_ = Phase::kProving;
  size_t wave_ = 0;
  MonoTime proving_since_;
  MonoTime soak_until_;
  std::set<NodeName> released_;
  std::string problem_;
};

}  // namespace lockstep::controller::publish
