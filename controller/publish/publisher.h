// Publisher: turns changes of the desired state into generations, and takes each through the fleet.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/task/pacer.h"
#include "controller/fleet/fleet.h"
#include "controller/model/generation.h"
#include "controller/planner/planner.h"
#include "controller/planner/waves.h"
#include "controller/publish/manifests.h"
#include "controller/publish/pusher.h"
#include "controller/publish/rollout.h"
#include "controller/publish/targets.h"
#include "controller/witness/witnesses.h"

namespace lockstep::controller::publish {

// Where the desired state comes from: rooms beside and above this one.
class DesiredSource {
 public:
  virtual ~DesiredSource() = default;
  virtual planner::DesiredState GetDesired() const = 0;
};

// Who waits for generations. On the state strand.
class PublishObserver {
 public:
  virtual ~PublishObserver() = default;
  // Every node that is there has proved it.
  virtual void OnProved(const model::Generation&) {}
  // It was stopped; the content before it is going out again.
  virtual void OnRolledBack(const model::Generation&, const std::string& /*problem*/) {}
};

// Who books what nodes are about to be told. On the state strand, but for what it returns.
class Bookkeeper {
 public:
  virtual ~Bookkeeper() = default;
  // Called before a generation is stored. What it returns is stored with the generation, or the
  // generation is not; nothing is pushed before.
  virtual store::Transaction Book(const model::Generation& generation,
                                  const planner::Plan& plan) = 0;
};

// What was stored, read at start.
struct PublishedPast {
  std::vector<model::Generation> generations;  // newest first, without resources
  // The newest generation that every node had proved, rebuilt; null before the first.
  planner::PlanPtr stable;
  std::optional<model::Generation> stable_generation;
  std::vector<store::Start> starts;  // all, this one last
  std::string read_only_reason;      // empty: none
};

// Lives on the state strand.
class Publisher final : public fleet::FleetObserver {
 public:
  struct Options {
    std::vector<planner::WaveSize> waves;
    Rollout::Options rollout;
  };

  Publisher(Options options, const identity::FleetCa& ca, model::Epoch epoch,
            store::Database& database, task::Executor& state, fleet::Fleet& fleet,
            witness::Witnesses& witnesses, fleet::Journal& journal, const DesiredSource& desired);

  void Load(PublishedPast past);
  void AddObserver(PublishObserver* observer) { observers_.push_back(observer); }
  void SetBookkeeper(Bookkeeper* bookkeeper) { bookkeeper_ = bookkeeper; }

  // The desired state has changed, because of `cause`. Returns the number of the generation that is
  // going to carry it: a new one, one that waits for the rollout that runs now (whatever becomes of
  // that), or the present one if nothing differs. FAILED_PRECONDITION while read-only or if the
  // state is not consistent.
  Result<uint64_t> Changed(const std::string& cause);

  // Somebody asks for what is wanted already: the generation that is going to carry it, which is
  // the one under way, or a new one where it was rolled back, since whoever asks wants it tried
  // once more; 0 where every node serves it. ABORTED while it is being rolled back; else as
  // Changed.
  Result<uint64_t> TryAgain(const std::string& cause);

  // The newest generation that every node has proved; 0 before the first.
  uint64_t proved_generation() const { return stable_ ? stable_->generation.number : 0; }
  // What the last call of Changed returned; 0 if it failed.
  uint64_t CarrierOfLastChange() const { return last_carrier_; }
  // The newest number given.
  uint64_t newest_generation() const { return newest_; }
  uint64_t last_known_good() const { return last_good_ ? last_good_->number : 0; }
  const std::string& read_only_reason() const { return read_only_; }
  // The plan of the proved generation, if every node that counts as announcing has acknowledged it
  // and none other is under way; else null.
  const planner::Plan* FindServedByAll() const;
  // What node is to serve now; 0 if nothing yet.
  uint64_t TargetOf(const NodeName& node) const;
  uint64_t AppliedBy(const NodeName& node) const { return pusher_.AppliedBy(node); }
  // What the node acknowledged last on its present stream, and may be asked to show; null if that
  // is neither the proved generation nor the one that is under way.
  const Release* FindApplied(const NodeName& node) const;
  // The newest generation that every node has proved; null before the first.
  const Release* stable() const { return stable_ ? &*stable_ : nullptr; }
  // What every node that is released to it should show for `host`; null if nothing.
  const planner::ServedCertificate* FindServed(const Hostname& host) const;

  struct Progress {
    model::Generation generation;
    size_t wave = 0;
    size_t waves = 0;
    std::set<NodeName> proved;
    std::set<NodeName> released;
    std::map<NodeName, std::string> lacking;  // what one that serves it has not proved
    std::string problem;
  };
  // The rollout that runs, if one does.
  std::optional<Progress> FindProgress() const;
  // Everything that its generation asks of each announcing node, judged: a line for each thing that
  // is not so. For `lockstep status`; walks all nodes, certificates and sites.
  barrier::Verdict JudgeFleet() const;

  // fleet::FleetObserver
  Status OnHello(fleet::LiveNode& node, const agent::v1::Hello& hello) override;
  void OnConnected(const fleet::LiveNode& node, const agent::v1::Hello& hello) override;
  void OnAck(const fleet::LiveNode& node, const agent::v1::Ack& ack) override;
  void OnProofsChanged() override;
  void OnNodesChanged(const std::string& cause) override;
  void OnDisconnected(const fleet::LiveNode& node) override;

 private:
  struct Active {
    Release release;
    Rollout rollout;
    Targets changed;
    std::map<NodeName, std::string> rejected;
    bool is_rollback = false;
    bool stored = false;  // nothing is pushed before its number is on the disk
  };

  // A change that came while a rollout ran, with the number that was promised for it.
  struct Pending {
    uint64_t number = 0;
    std::string cause;
  };

  Result<uint64_t> Carry(const std::string& cause);
  // Banned, removed or suspect: nobody waits for it.
  bool HasLeft(const NodeName& node) const;
  bool ActiveReachesSomebody() const;
  uint64_t Wait(const std::string& cause);
  uint64_t Begin(uint64_t number, planner::Plan plan, const std::string& cause, bool is_rollback);
  Rollout MakeRollout(const planner::Plan& plan, bool is_rollback);
  void Store(const model::Generation& generation, const planner::PlanPtr& plan);
  void OnStored(uint64_t number, const Status& status);
  RolloutFacts GatherFacts();
  void Advance();
  void OnWake();
  void FinishProved();
  void RollBack(const std::string& problem);
  // Where the failed release was served, what was seen of the older sites is of no use any more.
  void ForgetSitesBefore(const Active& failed);
  void BeginPending();
  // What the node must show from now on: it serves this generation.
  void NoteTerms(const NodeName& node, uint64_t generation);
  void StartSoak(uint64_t number);
  void BecomeLastKnownGood();
  void SetState(model::Generation generation, model::GenerationState state,
                const std::string& problem);
  void BecomeReadOnly(const Finding& finding);
  void PushTarget(const NodeName& node);
  void ExpectLooksAt(const planner::Plan& plan);

  const Options options_;
  store::Database& database_;
  task::Executor& state_;
  fleet::Fleet& fleet_;
  witness::Witnesses& witnesses_;
  fleet::Journal& journal_;
  const DesiredSource& desired_;
  Manifests manifests_;
  Pusher pusher_;
  std::vector<PublishObserver*> observers_;
  Bookkeeper* bookkeeper_ = nullptr;

  std::string start_id_;
  std::string read_only_;
  uint64_t seen_epoch_ = 0;  // the highest that a node showed while read-only
  uint64_t newest_ = 0;
  uint64_t last_carrier_ = 0;
  std::optional<Release> stable_;               // proved by everyone who was there
  std::optional<model::Generation> last_good_;  // the newest that survived its soak
  std::optional<Active> active_;
  std::optional<Pending> pending_;
  std::string failed_digest_;  // of the content that was rolled back last: not tried again as it is
  task::Pacer judging_;        // its cost grows with nodes times targets
  task::TimerId wake_timer_ = 0;
  task::TimerId soak_timer_ = 0;
};

}  // namespace lockstep::controller::publish
