// Orders: all of them, side by side up to a limit, and the door through which certbot's helper
// reaches the one it belongs to.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/certs/order_run.h"

namespace lockstep::controller::certs {

// Lives on the state strand.
class Orders final : public fleet::FleetObserver,
                     public publish::PublishObserver,
                     private OrderKeeper {
 public:
  struct Options {
    int parallel = 4;
    OrderLimits limits;
  };

  Orders(Options options, OrderTools tools, store::Database& database, fleet::Journal& journal);

  // Orders that an earlier run of the controller left open have failed: certbot died with it.
  void FailLeftovers(std::vector<model::Order> open);

  // Whether names that the lineage's newest certificate has may be missing in the new one.
  enum class Dropping { kRefuse, kAllow };
  // ALREADY_EXISTS while an order of the lineage is open, and for names that it would drop;
  // FAILED_PRECONDITION while read-only.
  // `lineage` empty: the lineage of just these hosts, or a new one named after the first.
  Result<model::Order> Create(std::vector<Hostname> hosts, std::string lineage, std::string reason,
                              Dropping dropping = Dropping::kRefuse);

  // An order that has not ended; null if there is none such.
  const model::Order* FindOpen(const OrderId& id) const;
  std::vector<model::Order> ListOpen() const;
  bool HasOpen(const std::string& lineage) const;

  // certbot's helper. NOT_FOUND for an order that is not running.
  void Perform(const OrderId& id, const std::string& secret,
               std::vector<model::Challenge> challenges, OrderRun::Reply reply);
  void Cleanup(const OrderId& id, const std::string& secret, OrderRun::Reply reply);

  // Called once for every order, when it has ended.
  void OnEnd(std::function<void(const model::Order&)> observer) { on_end_ = std::move(observer); }

  // Called at every change of every order, until Unwatch.
  using Watcher = std::function<void(const model::Order&)>;
  uint64_t Watch(Watcher watcher);
  void Unwatch(uint64_t watch) { watchers_.erase(watch); }

  // Ends everything that runs: the controller is stopping.
  void AbortAll(const std::string& why);

  // fleet::FleetObserver, publish::PublishObserver
  void OnProofsChanged() override { EvaluateAll(); }
  void OnDisconnected(const fleet::LiveNode& node) override;
  void OnProved(const model::Generation&) override { EvaluateAll(); }
  void OnRolledBack(const model::Generation& generation, const std::string& problem) override;

 private:
  Status CheckDropped(const std::string& lineage, const std::vector<Hostname>& hosts) const;
  void EvaluateAll();
  // The limit is on runs of certbot. An order whose certificate is rolling out needs none any more,
  // and may wait long for a node that is away.
  int CountOrdering() const;
  void StartQueued();
  void OnEnded(const model::Order& order);
  void Store(const model::Order& order);

  // OrderKeeper
  void OnChanged(const OrderRun& run) override;
  void Keep(const model::Order& order, std::function<void(const Status&)> done) override;
  void KeepProofs(const OrderId& order, std::vector<model::Proof> proofs) override;

  std::vector<std::shared_ptr<OrderRun>> Runs() const;

  const Options options_;
  OrderTools tools_;
  store::Database& database_;
  fleet::Journal& journal_;
  std::map<OrderId, std::shared_ptr<OrderRun>> running_;
  std::set<OrderId> ended_;  // of running_, for the while that their runs are kept
  std::deque<std::shared_ptr<OrderRun>> queued_;
  std::map<uint64_t, Watcher> watchers_;
  std::function<void(const model::Order&)> on_end_ = [](const model::Order&) {};
  uint64_t next_watch_ = 1;
};

}  // namespace lockstep::controller::certs
