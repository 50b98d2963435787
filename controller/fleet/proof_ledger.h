// ProofLedger: the newest look at everything that must be proved, in memory and stored; and since
// when it has been proved, for people.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/task/executor.h"
#include "controller/model/certificate.h"
#include "controller/model/proof.h"
#include "controller/store/database.h"

namespace lockstep::controller::fleet {

// Lives on the state strand. Only looks at what somebody expects are kept: a hostile agent cannot
// make it grow.
class ProofLedger {
 public:
  ProofLedger(store::Database& database, task::Executor& state)
      : database_(database), state_(state) {}

  // Proofs of an earlier run: shown, but void for barriers (their boot id is gone).
  void Load(std::vector<model::Proof> proofs);

  // From now on looks at these challenges count, for `order`; an answer with other bytes is a bad
  // one.
  void ExpectChallenges(const OrderId& order, const std::vector<model::Challenge>& challenges);
  // The order is committed: what ProofsOf says of it stands from now on.
  void SettleChallenges(const OrderId& order);
  // Stores what was seen of the order's challenges and drops it here.
  void ForgetChallenges(const OrderId& order);
  // From now on looks at certificates of just these hosts count.
  void ExpectHosts(std::set<Hostname> hosts);
  // From now on looks at just these marks count, each on its host.
  void ExpectSites(std::map<std::string, Hostname> hosts_by_mark);
  // What was seen of these marks on these nodes is void: they have served something else since.
  void ForgetSites(const std::set<NodeName>& nodes, const std::set<std::string>& marks);
  // What witnesses saw of this node over QUIC is void: it tells clients something else now.
  void ForgetWitnessedQuic(const NodeName& node);

  // Keeps the proof if it is expected; returns whether it was.
  bool Record(model::Proof proof);
  void ForgetNode(const NodeName& node);

  const model::ProofBook& book() const { return book_; }
  // Grows with every proof that is recorded: for who would look in vain otherwise.
  uint64_t revision() const { return revision_; }
  // What proved each challenge first, or why the newest look did not.
  std::vector<model::Proof> ProofsOf(const OrderId& order) const;
  // The good look that began the unbroken row of those like the newest one (same bytes, same start
  // of the agent); the newest one if it is not good. Null if there was none.
  const model::Proof* FindFirst(const model::ProofSubject& subject) const;

 private:
  // Takes over the newest look; returns whether it is what is to be told of an order.
  bool NoteFirst(const model::Proof& proof);
  bool IsExpectedSite(const model::ProofSubject& subject) const;
  bool IsSettled(const model::ProofSubject& subject) const;
  template <typename Predicate>
  void Forget(Predicate of) {
    std::erase_if(book_, of);
    std::erase_if(first_, of);
  }
  void StoreSoon();
  void StoreNow();

  store::Database& database_;
  task::Executor& state_;
  model::ProofBook book_;
  model::ProofBook first_;  // as FindFirst says, for every subject of book_
  struct ExpectedChallenge {
    OrderId order;
    Hostname host;
    std::string digest;  // SHA-256 of the bytes, lower-case hex
    bool settled = false;
  };
  std::map<std::string, ExpectedChallenge> expected_tokens_;
  std::set<Hostname> expected_hosts_;
  std::map<std::string, Hostname> expected_marks_;
  std::map<model::ProofSubject, model::Proof> unsaved_;
  bool store_timer_set_ = false;
  uint64_t stored_ = 0;  // how often
  uint64_t revision_ = 0;
};

}  // namespace lockstep::controller::fleet
