// OrderRun: one order on its way from names to a certificate that every node has proved.
//
//   ordering -> barrier -> rehearsal -> validating -> rolling out -> done
//
// Until the commit point (the answer to Perform) everything can stop it, and then the CA has not
// looked at anything. After it nothing can, and what is lost is put on record. That it is committed
// is on the disk before the answer is given: whoever dies in between, the record never says less
// than the CA may have seen.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/crypto/secret.h"
#include "common/task/worker_pool.h"
#include "controller/barrier/barrier.h"
#include "controller/certs/cert_issuer.h"
#include "controller/certs/certificate_book.h"
#include "controller/challenges/challenges.h"
#include "controller/fleet/fleet.h"
#include "controller/publish/publisher.h"
#include "controller/witness/rehearsal.h"
#include "controller/witness/witnesses.h"

namespace lockstep::controller::certs {

// What every run works with. All outlive the runs.
struct OrderTools {
  task::Executor& state;
  fleet::Fleet& fleet;
  challenges::Challenges& challenges;
  witness::Witnesses& witnesses;
  const witness::Rehearsal& rehearsal;
  publish::Publisher& publisher;
  CertificateBook& book;
  CertIssuer& issuer;
  task::WorkerPool& workers;
};

struct OrderLimits {
  Micros certbot_deadline = Seconds(120);  // of the whole run of certbot
  Micros barrier_deadline = Seconds(30);   // from the challenges to the commit point
  Micros rollout_deadline = std::chrono::minutes(10);
  barrier::Policy policy;
};

class OrderRun;

// Who follows a run and keeps its order. Outlives the run.
class OrderKeeper {
 public:
  virtual ~OrderKeeper() = default;
  // After every change of the order, also when it has ended.
  virtual void OnChanged(const OrderRun& run) = 0;
  // Calls `done` on the state strand when `order` is on the disk, or cannot be brought there.
  virtual void Keep(const model::Order& order, std::function<void(const Status&)> done) = 0;
  // What proved its certificate, for `order show`: later certificates take its place on the nodes.
  virtual void KeepProofs(const OrderId& order, std::vector<model::Proof> proofs) = 0;
};

// Lives on the state strand, in a shared_ptr: callbacks hold it weakly.
class OrderRun : public std::enable_shared_from_this<OrderRun> {
 public:
  OrderRun(model::Order order, OrderLimits limits, OrderTools tools, OrderKeeper& keeper);

  const model::Order& order() const { return order_; }

  void Start();

  using Reply = std::function<void(Status)>;
  // certbot hands over the challenges; `reply` is the commit point.
  void Perform(const std::string& secret, std::vector<model::Challenge> challenges, Reply reply);
  void Cleanup(const std::string& secret, Reply reply);

  // Somebody proved something, came, or went.
  void Evaluate();
  void OnDisconnected(const NodeName& node);
  void OnRolledBack(const model::Generation& generation, const std::string& problem);
  // Stops it, whatever it does.
  void Abort(const std::string& why);

 private:
  Status CheckChallenges(const std::vector<model::Challenge>& challenges) const;
  Status CheckSecret(const std::string& secret) const;
  void EvaluateBarrier();
  // Looks again, and asks witnesses for what is missing.
  barrier::Verdict LookAtBarrier();
  void EvaluateRollout();
  // What proved these certificates first, on each node.
  std::vector<model::Proof> FirstLooksAt(
      const std::vector<planner::ServedCertificate>& served) const;
  void BeginRehearsal();
  void OnRehearsed(const witness::RehearsalReport& report);
  void Commit();
  void OnCommitKept(const Status& kept, model::OrderStep step);
  // What Perform waits for; nothing if nobody waits any more.
  void Answer(Status status);
  void Refuse(Status why);
  void OnBarrierDeadline();
  void OnIssued(IssueResult result);
  void RollOut(const model::Certificate& certificate);
  void WithdrawChallenges();
  void Fail(const std::string& error);
  void Finish(model::OrderState state);
  void Step(std::string what, std::string detail = "");
  void Enter(model::OrderState state);
  // Evaluates again soon: what nobody tells us of (a witness's pause) is found out so.
  void EvaluateLater();

  model::Order order_;
  const OrderLimits limits_;
  OrderTools tools_;
  OrderKeeper& keeper_;
  crypto::Secret secret_;
  Reply reply_;  // of Perform; set until the commit point
  task::TimerId deadline_timer_ = 0;
  task::TimerId evaluate_timer_ = 0;
  bool rehearsed_ = false;   // or needs no rehearsal
  bool committing_ = false;  // the commit is on its way to the disk
  bool refused_ = false;     // challenges are taken once
  std::string leaf_sha256_;  // of the certificate that came of it
};

}  // namespace lockstep::controller::certs
