// ApplyQueue: the strand's side of applying. One job at a time on the apply worker, the newest push
// first; between pushes it looks after what is served.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/apply/applier.h"
#include "agent/apply/driver.h"
#include "agent/apply/following.h"
#include "agent/apply/sweep.h"
#include "common/task/executor.h"
#include "common/task/worker_pool.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::apply {

// Who hears of it; on the strand.
class ApplyEvents {
 public:
  virtual ~ApplyEvents() = default;
  virtual void OnAck(const agent::v1::Ack& ack) = 0;
  virtual void OnProofReport(const agent::v1::ProofReport& report) = 0;
  // What is served has changed; never null.
  virtual void OnServing(std::shared_ptr<const reconcile::Desired> desired) = 0;
  // Asked before the service addresses are announced again: whether the controller is there, and
  // every challenge that it says lives is served and was seen to be.
  virtual bool LaneInStep() = 0;
};

struct QueueSettings {
  Micros soak = Seconds(60);          // healthy for so long: last-known-good
  Micros inspect_every = Seconds(5);  // drivers, announcer, canaries
  Micros retry_start = Millis(500);   // while what is on disk cannot be served: no server yet
  int hurried_starts = 20;            // so often; then with each inspection
  Micros sweep_every = std::chrono::minutes(15);
  Micros look_deadline = Seconds(3);
};

// What the node can say about itself, as of the last job on the worker.
struct NodeView {
  std::optional<types::v1::SignedManifest> seen;
  snapshot::Version serving;  // none() while nothing is served
  std::shared_ptr<const reconcile::Desired> desired;
  std::vector<std::string> capabilities;
  AnnounceReport announce;
  FollowView follow;
  std::vector<std::string> warnings;
};

// Lives on the strand but for the worker's jobs. Stop order: the pools, then the strand, then this.
class ApplyQueue {
 public:
  struct Parts {
    task::Executor& strand;
    task::WorkerPool& worker;  // one thread
    task::WorkerPool& sweeps;
    look::Observer& observer;
    Driver& driver;
    Announcer* announcer;                     // null where none is configured
    Applier& applier;                         // used on the worker alone
    const state::WishFile* wishes = nullptr;  // null: none is remembered
  };
  ApplyQueue(Parts parts, ApplyEvents& events, QueueSettings settings = {});

  // Serves what is on disk, and looks after it from then on. `on_ready` runs on the strand once the
  // local servers have been asked what they are, whether anything could be served or not.
  void Start(std::function<void()> on_ready);

  // A push that arrives during another waits; of two that wait the newer one is kept, and the other
  // is answered STALE if it is the older, not at all if it is merely replaced.
  void OnPush(agent::v1::Push push);
  // Looks again at the hosts (all if empty) and reports.
  void OnProofRequest(const agent::v1::ProofRequest& request);
  // Whether the service addresses are to be announced, as the controller sees it.
  void OnWish(const agent::v1::AnnounceWish& wish);
  // A server came up anew and has nothing of what is served: it gets it at once.
  void OnServerRestarted();
  // A new stream: the last answer since the start is repeated, for its evidence. It answers no push
  // of this stream, and so names none: a controller that was restarted counts its pushes anew.
  void OnStreamStarted();

  const NodeView& view() const { return view_; }

 private:
  // What a job on the worker found out.
  struct Outcome {
    std::optional<types::v1::SignedManifest> seen;
    Serving serving;
    bool served_anew = false;
    std::optional<agent::v1::Ack> ack;
    Status status;  // of a recovery or a reapplication
  };
  struct Health {
    std::vector<std::string> capabilities;
    std::vector<std::string> warnings;
    AnnounceReport announce;
    std::vector<std::string> lost;  // what the server or a canary says of a lost configuration
    bool stopped = false;
  };

  // Runs `work` on the worker and then `done` with what it returned on the strand.
  template <typename T>
  void Run(std::function<T(std::stop_token)> work, std::function<void(T)> done);
  void RunNext();
  void RunRecover();
  void RunPush(agent::v1::Push push);
  void RunReapply();
  void RunMarkGood(snapshot::Version version);
  void RunInspection();
  void RunAnnounce();
  void RunFollow();
  bool IsWantedBack() const;
  Outcome Describe(Outcome outcome) const;  // on the worker
  void Finish(const Outcome& outcome);      // on the strand, like all below
  void FinishInspection(Health health);
  void ScheduleInspection();
  void ScheduleSweep();
  void ConsiderAnnouncing();
  void StartSoak();
  void OnSoaked();
  void StartSweep(std::vector<Expectation> expectations);
  std::vector<Expectation> Everything() const;
  std::vector<Expectation> Background(const reconcile::Desired* before) const;

  Parts parts_;
  ApplyEvents& events_;
  QueueSettings settings_;
  Sweep sweep_;

  std::function<void()> on_ready_;  // until the first inspection has ended
  bool busy_ = false;               // a job is on the worker
  bool recover_due_ = true;
  bool reapply_due_ = false;
  bool inspection_due_ = false;
  bool starting_ = false;  // there is something to serve, and it could not be served yet
  int starts_ = 0;
  bool announce_due_ = false;
  bool follow_due_ = false;
  std::optional<agent::v1::Push> pending_;
  std::optional<snapshot::Version> good_due_;

  NodeView view_;
  Following following_;
  std::optional<agent::v1::Ack> last_ack_;
  std::vector<std::string> serving_warnings_;  // of a fallback
  std::vector<std::string> health_warnings_;
  std::vector<std::string> sweep_warnings_;
  // On the way back: everything is looked at once more before the addresses are announced again.
  enum class Comeback { kNotWanted, kLooking, kSeen } comeback_ = Comeback::kNotWanted;
  uint64_t lost_in_a_row_ = 0;  // inspections
  bool told_lost_ = false;      // the controller's newest proofs are of a server that was lost
  MonoTime healthy_since_{};
  task::TimerId soak_timer_ = 0;
  task::TimerId sweep_timer_ = 0;
};

}  // namespace lockstep::agent::apply
