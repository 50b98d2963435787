// Witnesses: somebody else looks at a node, through the node's own address. That sees firewalls and
// network cards, which a node's own look at itself does not.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/look/batch.h"
#include "common/look/observer.h"
#include "common/task/worker_pool.h"
#include "controller/fleet/fleet.h"
#include "controller/model/proof.h"

namespace lockstep::controller::witness {

// Lives on the state strand.
class Witnesses final : public fleet::FleetObserver {
 public:
  struct Options {
    Micros deadline = Seconds(5);  // of one request
    Micros pause = Millis(400);    // before the same subject is looked at again
  };

  // `pool` runs the controller's own looks, through `observer`, where no other node could look.
  Witnesses(Options options, task::Executor& state, fleet::Fleet& fleet, task::WorkerPool& pool,
            look::Observer& observer);

  // Has the subjects looked at; what is seen goes to the fleet's proofs. Subjects that are being
  // looked at, or were a moment ago, are left out: ask again while they matter. Each try asks
  // another node, of another pop by preference; where all of them refuse to look at a certificate
  // (their snapshots do not name the host yet), the controller looks itself.
  void Ask(const std::vector<model::ProofSubject>& subjects);

  // fleet::FleetObserver
  void OnWitnessReport(const fleet::LiveNode& witness,
                       const agent::v1::WitnessReport& report) override;
  void OnDisconnected(const fleet::LiveNode& node) override;

 private:
  struct Request {
    NodeName witness;
    NodeName subject;
    std::string boot_id;  // of the subject's agent
    std::vector<model::ProofSubject> subjects;
    task::TimerId timer = 0;
  };
  struct Attempts {
    int count = 0;
    int refusals = 0;  // in a row: nobody knows such a host yet
    bool in_flight = false;
    MonoTime not_before;
  };

  // Null: nobody but the controller could look.
  const fleet::LiveNode* PickWitness(const model::ProofSubject& subject,
                                     const Attempts& attempts) const;
  void AskNode(const fleet::LiveNode& witness, const NodeName& subject,
               std::vector<model::ProofSubject> subjects);
  void LookOurselves(const NodeName& subject, std::vector<model::ProofSubject> subjects);
  // Of its agent now; empty for a node that is not enrolled.
  std::string BootIdOf(const NodeName& node) const;
  void Finish(uint64_t request_id);
  void Settle(const std::vector<model::ProofSubject>& subjects);
  void PruneAttempts();

  const Options options_;
  task::Executor& state_;
  fleet::Fleet& fleet_;
  task::WorkerPool& pool_;
  look::Observer& observer_;
  std::map<uint64_t, Request> requests_;
  std::map<model::ProofSubject, Attempts> attempts_;
  uint64_t next_request_ = 1;
};

}  // namespace lockstep::controller::witness
