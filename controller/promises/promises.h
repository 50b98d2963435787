// Promises: for how long the fleet promises HTTP/3 to clients, site by site, and until when they
// may hold it. The decisions are those of controller/edge; this room sees to it that they are made
// on what was proved, stored before anybody acts on them, and carried out as a rollout like any
// other: its values go into the desired state.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/task/executor.h"
#include "controller/edge/keeping.h"
#include "controller/edge/ramp.h"
#include "controller/fleet/journal.h"
#include "controller/policy/policies.h"
#include "controller/promises/records.h"
#include "controller/promises/sights.h"
#include "controller/publish/publisher.h"
#include "controller/witness/witnesses.h"
#include "lockstep/agent/v1/session.pb.h"

namespace lockstep::controller::promises {

struct Options {
  // Ages and how long everything must have held for each; floor and ceiling are the policy's.
  std::vector<edge::Rung> rungs = edge::RampOptions().rungs;
  Micros after_step_back = edge::RampOptions().after_step_back;
  edge::KeepingOptions keeping;
  edge::Ledger::Options ledger;
  // How often a witness looks at HTTP/3 of every node although nothing has changed.
  Micros watch = Seconds(30);
};

// What it asks rooms beside it. On the state strand.
struct Sources {
  std::function<std::vector<std::string>()> sites;  // by name
  std::function<const model::EdgePolicy&()> policy;
};

// Of one node, for operators.
struct NodeView {
  std::vector<std::string> values;  // that it may be sending, oldest first
  uint64_t generation = 0;          // which brings the last of them
  std::string missing;              // why it was not seen to send the present one; empty if it was
};
struct HoldView {
  std::string alternative;
  std::optional<WallTime> until;  // unset: no end is known
  edge::Retirement retirement;
};
struct SiteView {
  std::string site;
  std::string value;
  model::RampState ramp;
  bool switched_off = false;
  std::string note;
  std::optional<WallTime> next_at;
  std::map<NodeName, NodeView> nodes;
  std::vector<HoldView> holds;
};

// Lives on the state strand.
class Promises final : public publish::Bookkeeper,
                       public publish::PublishObserver,
                       public fleet::FleetObserver {
 public:
  Promises(Options options, store::Database& database, task::Executor& state,
           fleet::Journal& journal, fleet::Fleet& fleet, witness::Witnesses& witnesses,
           const publish::Publisher& publisher, std::vector<model::SitePromise> stored,
           model::KeepingState keeping);

  // From now on it looks. `changed`: other values are stored and are to go out, and why.
  void Start(Sources sources, std::function<void(const std::string& cause)> changed);

  // The value of every site that has one, for the planner.
  std::map<std::string, std::string> Values() const;
  edge::AltSvc ValueOf(const std::string& site) const;

  // An operator takes the promise of these sites back, or lets it begin again. `done` gets the
  // sites that this changed, after `changed`.
  void Switch(const std::vector<std::string>& sites, bool on,
              std::function<void(Result<std::vector<std::string>>)> done);

  // An operator vouches that this machine, enrolled or not any more, answers nobody: what clients
  // may hold of it is counted from now. `done` gets the sites. NOT_FOUND if it may have told
  // clients nothing, FAILED_PRECONDITION while it is connected.
  void DeclareGone(const NodeName& node,
                   std::function<void(Result<std::vector<std::string>>)> done);

  // What clients may hold and would find gone under this policy.
  std::vector<policy::Breach> BreachesOf(const model::EdgePolicy& wanted) const;

  // By name.
  std::vector<SiteView> View() const;
  const edge::Keeping& keeping() const { return keeping_; }

  // publish::Bookkeeper
  store::Transaction Book(const model::Generation& generation, const planner::Plan& plan) override;
  // publish::PublishObserver
  void OnProved(const model::Generation& generation) override;
  void OnRolledBack(const model::Generation& generation, const std::string& problem) override;
  // fleet::FleetObserver
  void OnConnected(const fleet::LiveNode& live, const agent::v1::Hello& hello) override;
  void OnProofsChanged() override { is_due_ = true; }
  void OnDisconnected(const fleet::LiveNode&) override { is_due_ = true; }

 private:
  // What was seen of a site last, for operators.
  struct Seen {
    std::string note;
    std::optional<WallTime> next_at;
    SiteSight sight;
  };

  void Tick();
  void Look();
  void Watch();
  void KeepBooks(const std::string& site, const SiteSight& sight, WallTime now);
  void KeepNodes(const std::map<std::string, SiteSight>& seen, Sights* sights, WallTime now);
  void TellOfNodes(const edge::Keeping& before);
  // Nodes hear whether they are wanted, on each stream and at each change.
  void TellNodes();
  // Nothing: it is to go on as it does.
  std::optional<agent::v1::AnnounceWish::Wish> WishFor(const NodeName& node) const;
  void TellNode(const fleet::LiveNode& live);
  void Climb(const std::string& site, const SiteSight& sight, WallTime now);
  edge::RampFacts FactsOf(const Record& record, const SiteSight& sight, WallTime now) const;
  edge::RampOptions RampOptionsOf(const std::string& site) const;
  // Why nothing is to be promised for the site whatever is proved; empty if there is no reason.
  std::string WhyUnwanted(const Record& record) const;
  Seconds LongestOf(const std::string& site) const;
  void Forget(const std::vector<std::string>& sites, WallTime now);
  // Stores what has changed, then lets it out.
  void Flush(std::function<void(const Status&)> done);

  const Options options_;
  store::Database& database_;
  task::Executor& state_;
  fleet::Journal& journal_;
  fleet::Fleet& fleet_;
  witness::Witnesses& witnesses_;
  const publish::Publisher& publisher_;
  Sources sources_;
  std::function<void(const std::string&)> changed_ = [](const std::string&) {};

  Records records_;
  edge::Keeping keeping_;
  // What each node was told last, and on which stream.
  struct Told {
    uint64_t session = 0;
    agent::v1::AnnounceWish::Wish wish = agent::v1::AnnounceWish::WISH_UNSPECIFIED;
  };
  std::map<NodeName, Told> told_;
  std::map<std::string, Seen> seen_;
  std::set<std::string> unsaved_;    // records that the store does not have as they are
  std::set<std::string> forgotten_;  // records to be deleted there
  bool keeping_unsaved_ = false;
  std::string cause_;  // why other values are to go out; empty: they are not
  bool flushing_ = false;
  bool is_due_ = true;
  bool has_looked_ = false;  // since the start: what is stored may be of long ago
  WallTime look_at_{};
  MonoTime watched_at_{};
  size_t watch_round_ = 0;
  std::string without_server_;  // a node that the policy leaves without; empty: none
  MonoTime not_before_{};       // so that looking leaves time for the rest
};

}  // namespace lockstep::controller::promises
