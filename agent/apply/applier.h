// Applier: one push at a time through check → stage → validate → apply → prove, or back.
//
// Everything here blocks: it lives on the apply worker, and only ApplyQueue talks to it.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/apply/driver.h"
#include "agent/apply/proof.h"
#include "agent/reconcile/desired.h"
#include "agent/state/generations.h"
#include "common/look/observer.h"
#include "common/task/worker_pool.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::apply {

// What the applier works with; all must outlive it.
struct Seams {
  Driver& driver;
  look::Observer& observer;
  task::WorkerPool& looks;  // where proofs run
  const Clock& clock;
  state::Generations& generations;
  state::Authority authority;
};

struct ApplierSettings {
  Micros look_deadline = Seconds(3);
  // For all looks of a push: this much, and so much more for each.
  Micros all_looks_deadline = Seconds(60);
  Micros more_per_look = Millis(20);
  int rounds = 4;              // how often what was not seen as it must be is looked at
  Micros pause = Millis(250);  // between rounds: a server may still be taking up a certificate
  // How often a server that cannot be reached is tried, and the pause between; both together are
  // the longest it takes. One that is being restarted is back before a rollout need turn back for
  // it.
  int server_tries = 20;
  Micros server_pause = Millis(250);
};

// What is served now. Null before anything is.
struct Serving {
  state::GenerationPtr generation;
  std::shared_ptr<const reconcile::Desired> desired;
  std::vector<std::string> warnings;  // of a fallback: "serves an expired certificate for …"
};

class Applier {
 public:
  explicit Applier(Seams seams, ApplierSettings settings = {})
      : seams_(std::move(seams)), settings_(settings) {}

  // Serves the best of what is on disk, as after a start. NOT_FOUND on a fresh node; else the error
  // of the last one tried, when none could be served: try again later.
  Status Recover(std::stop_token stop);

  // Takes a push to its end. Nothing if `stop` was asked for on the way.
  std::optional<agent::v1::Ack> Take(const agent::v1::Push& push, std::stop_token stop);

  // Makes the server serve again what it should: it was restarted.
  Status Reapply();

  // From now on QUIC on the service addresses is refused, or served again, with whatever is served.
  // After an error nothing has changed, and it is to be asked for again.
  Status RefuseQuic(bool refuse);

  // The generation survived its soak; no effect if it is no longer served.
  Status MarkLastKnownGood(const snapshot::Version& version);

  const Serving& serving() const { return serving_; }
  const state::Generations& generations() const { return seams_.generations; }

 private:
  struct Candidate {
    state::GenerationPtr generation;
    std::shared_ptr<const reconcile::Desired> desired;
  };
  struct Proof {
    bool stopped = false;
    std::vector<std::string> failures;
    std::vector<types::v1::Observation> observations;
  };
  Result<Candidate> Stage(state::GenerationPtr generation, std::stop_token stop);
  // Until the server could be reached, or for as long as the settings say.
  template <typename Work>
  Status WithPatience(std::stop_token stop, Work work) const;
  Status RecoverTo(const state::GenerationPtr& generation);
  Proof Prove(const std::vector<Expectation>& expectations, std::stop_token stop);
  void RollBack(const reconcile::Desired& failed);
  // What a generation asks for, as this node is to serve it now.
  Result<reconcile::Desired> Offered(const state::Generation& generation) const;
  // The fallback's certificates as reconcile::ChooseCertificate picks them among all held ones.
  Serving Fallback(const state::GenerationPtr& generation, const reconcile::Desired& offered) const;
  agent::v1::Ack Answer(const agent::v1::Push& push, uint64_t generation) const;

  Seams seams_;
  ApplierSettings settings_;
  Serving serving_;
  bool refuse_quic_ = false;
};

}  // namespace lockstep::agent::apply
