// Lane: serves exactly the challenges that live, for as long as their lease runs, and proves it.
//
// Never waits for a push: it has a writer and probes of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/challenge/directory.h"
#include "agent/challenge/live_set.h"
#include "common/base/ip.h"
#include "common/look/batch.h"
#include "common/task/executor.h"
#include "common/task/worker_pool.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::agent::challenge {

// Who hears of it; on the strand.
class LaneEvents {
 public:
  virtual ~LaneEvents() = default;
  virtual void OnLaneAck(const agent::v1::LaneAck& ack) = 0;
  // The live set has changed; never null.
  virtual void OnLiveSet(std::shared_ptr<const LiveSet> live) = 0;
};

struct LaneSettings {
  Micros look_deadline = Seconds(2);
  Micros all_looks_deadline = Seconds(20);
  // What was not seen as it must be is looked at again after this, doubled each time, while the set
  // is the live one.
  Micros first_retry = Millis(200);
  Micros longest_retry = Seconds(2);
};

// Lives on the strand. Stop order: the pools, then the strand, then this.
class Lane {
 public:
  struct Parts {
    task::Executor& strand;
    task::WorkerPool& writer;  // one thread, used for the directory alone
    task::WorkerPool& looks;
    look::Observer& observer;
    Directory& directory;  // used on the writer alone
  };
  Lane(Parts parts, LaneEvents& events, LaneSettings settings = {});

  // A set with a sequence below the last one of this stream is dropped; the same again renews the
  // lease. Every set is written, looked at on every listening address, and answered.
  void OnLaneSet(const agent::v1::LaneSet& set);
  // The streams before are fenced off: whatever comes now is what the controller means.
  void OnStreamStarted() { sequence_of_stream_ = 0; }
  // The addresses to look at: the local listeners. New ones are looked at at once.
  void SetListeners(std::vector<IpAddress> addresses);

  const LiveSet& live() const { return *live_; }
  // Whether a set of this stream is served and was seen to be, all of it.
  bool InStep() const { return sequence_of_stream_ != 0 && in_step_; }
  // Of the last set taken; 0 if none.
  uint64_t sequence() const { return live_->sequence; }

 private:
  // One set on its way from the directory to its answer.
  struct Proof;
  void Take(std::shared_ptr<const LiveSet> set);
  void Write(const std::shared_ptr<Proof>& proof);
  void Look(const std::shared_ptr<Proof>& proof);
  void OnSeen(const std::shared_ptr<Proof>& proof, const std::vector<size_t>& which,
              look::Observations seen);
  void OnLeaseEnded();

  Parts parts_;
  LaneEvents& events_;
  LaneSettings settings_;
  std::vector<IpAddress> listeners_;
  std::shared_ptr<const LiveSet> live_ = std::make_shared<const LiveSet>();
  uint64_t sequence_of_stream_ = 0;
  uint64_t newest_proof_ = 0;
  bool in_step_ = false;  // the newest proof is whole
  task::TimerId lease_timer_ = 0;
};

}  // namespace lockstep::agent::challenge
