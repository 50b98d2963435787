// OrderRun: one order on its way from names to a certificate that every node has proved.
//
//   ordering -> barrier -> rehearsal -> validating -> rolling out -> done
//
// Until the commit point (the answer to Perform) everything can stop it, and then the CA has not
// looked at anything. After it nothing can, and what is lost is put on record.
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

// Lives on the state strand, in a shared_ptr: callbacks hold it weakly.
class OrderRun : public std::enable_shared_from_this<OrderRun> {
 public:
  // `changed` is called after every change of the order, also when it has ended.
  OrderRun(model::Order order, OrderLimits limits, OrderTools tools,
           std::function<void(const OrderRun&)> changed);

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
  void EvaluateRollout();
  void BeginRehearsal();
  void OnRehearsed(const witness::RehearsalReport& report);
  void Commit();
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
  std::function<void(const OrderRun&)> changed_;
  crypto::Secret secret_;
  Reply reply_;  // of Perform; set until the commit point
  task::TimerId deadline_timer_ = 0;
  task::TimerId evaluate_timer_ = 0;
  bool rehearsed_ = false;
  bool refused_ = false;     // challenges are taken once
  std::string leaf_sha256_;  // of the certificate that came of it
};

}  // namespace lockstep::controller::certs
