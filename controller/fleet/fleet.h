// Fleet: every enrolled node, whether it is there, and what was seen of it on the wire.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/task/executor.h"
#include "controller/barrier/barrier.h"
#include "controller/fleet/journal.h"
#include "controller/fleet/proof_ledger.h"
#include "controller/link/agent_link.h"
#include "controller/model/node.h"
#include "controller/model/quic_terms.h"
#include "controller/store/database.h"

namespace lockstep::controller::fleet {

// A node with what is known of it now.
struct LiveNode {
  model::Node node;
  bool connected = false;
  uint64_t session = 0;
  std::string boot_id;
  WallTime connection_changed_at;
  agent::v1::AnnounceState announce;
  uint64_t serving_generation = 0;
  std::string serving_digest;
  std::vector<std::string> capabilities;
  std::vector<std::string> warnings;
  // Its signed manifest is not ours: it is looked at with suspicion, the fleet is not.
  std::string suspect;
  // What its QUIC handshakes must show with what it serves; null: nothing.
  model::QuicTermsPtr quic;
  // The fleet wants it withdrawn (controller/promises).
  bool marked = false;

  // In doubt a node counts as announcing: only a connected one with a confirmed withdrawal does
  // not.
  bool CountsAsAnnouncing() const;
  // Whether its agent is of a version that shows the marks of sites, and looks at those of others.
  bool KnowsSiteMarks() const;
  // It follows the fleet's wish to withdraw, or returns from it.
  bool IsFollowing() const;
  bool IsReturning() const;
  // It refuses QUIC on the service addresses because it was told to: nobody asks for a proof of it.
  // The word of a node that was not told does not count.
  bool RefusesQuic() const;
};

// Rooms above that follow the nodes. Called on the state strand.
class FleetObserver {
 public:
  virtual ~FleetObserver() = default;
  // Before the node counts as connected. An error refuses the stream.
  virtual Status OnHello(LiveNode&, const agent::v1::Hello&) { return Status::Ok(); }
  // The node's stream is open and greeted: now it is told what it must know.
  virtual void OnConnected(const LiveNode&, const agent::v1::Hello&) {}
  virtual void OnAck(const LiveNode&, const agent::v1::Ack&) {}
  virtual void OnLaneAck(const LiveNode&, const agent::v1::LaneAck&) {}
  virtual void OnWitnessReport(const LiveNode&, const agent::v1::WitnessReport&) {}
  // Who is a member, or what somebody has proved, has changed.
  virtual void OnProofsChanged() {}
  // A node joined, left for good, was banned or has other addresses.
  virtual void OnNodesChanged(const std::string& /*cause*/) {}
  // A stream ended.
  virtual void OnDisconnected(const LiveNode&) {}
};

// Lives on the state strand.
class Fleet final : public link::AgentEvents {
 public:
  struct Options {
    std::vector<IpAddress> service_addresses;
    Micros heartbeat_interval = Seconds(10);
    std::string version;
  };

  Fleet(Options options, store::Database& database, task::Executor& state, Journal& journal);

  // Before anything else: what was stored. `epoch` goes out in every Welcome.
  void Load(std::vector<model::Node> nodes, std::vector<model::Proof> proofs, model::Epoch epoch);
  // The link exists after the fleet does.
  void SetLink(link::AgentLink* agent_link) { link_ = agent_link; }
  // In the order in which they are to be told; each outlives the fleet.
  void AddObserver(FleetObserver* observer) { observers_.push_back(observer); }

  const std::map<NodeName, LiveNode>& nodes() const { return nodes_; }
  const LiveNode* Find(const NodeName& node) const;
  const std::vector<IpAddress>& service_addresses() const { return options_.service_addresses; }
  // Enrolled and not banned: who gets snapshots.
  std::vector<model::Node> EnrolledNodes() const;
  // Everyone who can receive anycast traffic: enrolled, banned or not, without a confirmed
  // withdrawal. Unreachable counts as announcing.
  std::vector<barrier::Member> Members() const;
  // One node as a barrier sees it.
  static barrier::Member MemberOf(const LiveNode& live);

  ProofLedger& proofs() { return proofs_; }
  const ProofLedger& proofs() const { return proofs_; }
  const model::ProofBook& book() const { return proofs_.book(); }
  link::AgentLink& link() { return *link_; }

  // A look of `observer` at `subject` through the subject's own address. `boot_id` is that of the
  // subject's agent when the look was asked for: one that restarted since has to be seen again.
  void RecordWitnessed(const NodeName& subject, const std::string& boot_id,
                       const std::string& observer, const types::v1::Observation& observation);

  using Done = std::function<void(Status)>;
  void Ban(const NodeName& node, const std::string& reason, Done done);
  void Unban(const NodeName& node, Done done);
  // FAILED_PRECONDITION for a node that is neither banned nor unknown to the fleet.
  void Remove(const NodeName& node, Done done);
  // The node serves a plan that asks this of it. What witnesses saw under other terms is void: it
  // may be another server by now. (Its own looks have come with the acknowledgement.)
  void SetQuicTerms(const NodeName& node, model::QuicTermsPtr terms);
  // Who is wanted withdrawn, and nobody else is.
  void SetMarked(const std::set<NodeName>& nodes);
  // A node that has just redeemed its token, or renewed its identity; stored already.
  void Adopt(model::Node node);
  // Any thread may ask; answers from a copy.
  bool IsBanned(const NodeName& node) const;
  // When the node of that name joined; nothing if there is none. Any thread may ask.
  std::optional<WallTime> EnrolledAt(const NodeName& node) const;

  // link::AgentEvents
  Result<agent::v1::Welcome> OnHello(const NodeName& node, uint64_t session,
                                     const agent::v1::Hello& hello) override;
  void OnMessage(const NodeName& node, uint64_t session,
                 const agent::v1::AgentMessage& message) override;
  void OnClosed(const NodeName& node, uint64_t session, const Status& why) override;

 private:
  void RecordLocal(LiveNode& live,
                   const google::protobuf::RepeatedPtrField<types::v1::Observation>& observations);
  void UpdateFromHello(LiveNode& live, const agent::v1::Hello& hello);
  void OnHeartbeat(LiveNode& live, const agent::v1::Heartbeat& heartbeat);
  void NoteAnnounce(LiveNode& live, const agent::v1::AnnounceState& announce);
  void NoteFollowing(const LiveNode& live, const agent::v1::AnnounceState& before);
  bool IsExpectedAddress(const LiveNode& live, const model::ProofSubject& subject) const;
  void StoreNode(const model::Node& node, Done done);
  void SetBanned(const NodeName& node, bool banned);
  void SetEnrolled(const NodeName& node, std::optional<WallTime> at);
  void TellProofsChanged();

  const Options options_;
  store::Database& database_;
  task::Executor& state_;
  Journal& journal_;
  ProofLedger proofs_;
  model::Epoch epoch_;
  link::AgentLink* link_ = nullptr;
  std::vector<FleetObserver*> observers_;
  std::map<NodeName, LiveNode> nodes_;
  bool proofs_changed_posted_ = false;

  mutable std::mutex banned_mutex_;
  std::set<NodeName> banned_;                 // guarded by banned_mutex_
  std::map<NodeName, WallTime> enrolled_at_;  // guarded by banned_mutex_
};

}  // namespace lockstep::controller::fleet
