// Challenges: what every node serves under /.well-known/acme-challenge/ now.
//
// Agents always get the whole live set with a sequence that only grows, so a late message can never
// remove a newer challenge; and a lease, so nothing stays behind when the controller dies.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/barrier/barrier.h"
#include "controller/fleet/fleet.h"
#include "controller/model/certificate.h"
#include "controller/store/database.h"

namespace lockstep::controller::challenges {

// Lives on the state strand.
class Challenges final : public fleet::FleetObserver {
 public:
  struct Options {
    // Agents drop the set this long after the last lane set; it is renewed three times as often.
    Micros lease = Seconds(30);
    // How long to wait for agents' proof that removed bytes are gone.
    Micros gone_deadline = Seconds(15);
  };

  // `start_ordinal` counts the starts of this database: the upper half of each sequence.
  Challenges(Options options, uint64_t start_ordinal, store::Database& database,
             task::Executor& state, fleet::Fleet& fleet);

  // Puts an order's challenges into the live set and sends it. The order's proofs begin here.
  void Publish(const OrderId& order, const std::vector<model::Challenge>& challenges);

  struct Gone {
    int proved = 0;                  // nodes that showed that the bytes are gone
    std::vector<NodeName> unproved;  // connected nodes that did not
  };
  // Takes them out again; `done` once every connected node has shown that our bytes are gone, or
  // the deadline passed. An unknown order is done at once. Idempotent.
  void Withdraw(const OrderId& order, std::function<void(Gone)> done);

  // The challenge that answers for (host, token), null if none lives.
  const model::Challenge* Find(const Hostname& host, const ChallengeToken& token) const;
  std::vector<model::Challenge> List() const;
  // What a barrier asks every member for.
  std::vector<barrier::Target> TargetsOf(const OrderId& order) const;
  bool IsLive(const OrderId& order) const { return live_.contains(order); }

  // fleet::FleetObserver
  void OnConnected(const fleet::LiveNode& node, const agent::v1::Hello& hello) override;
  void OnLaneAck(const fleet::LiveNode& node, const agent::v1::LaneAck& ack) override;
  void OnDisconnected(const fleet::LiveNode& node) override;

 private:
  // Challenges that are on their way out.
  struct Leaving {
    std::map<std::string, std::string> digest_by_token;  // of the bytes that must be gone, raw
    // (token, address) pairs that each node has still to show.
    std::map<NodeName, std::set<std::pair<std::string, std::string>>> open;
    uint64_t sequence =
        0;  // of the first set without them: only answers to it or a later one count
    int proved = 0;
    task::TimerId deadline = 0;
    std::function<void(Gone)> done;
  };

  void SendToAll();
  void Send(const NodeName& node);
  void RenewLater();
  void RebuildMessage();
  void FinishLeaving(const OrderId& order);

  const Options options_;
  store::Database& database_;
  task::Executor& state_;
  fleet::Fleet& fleet_;
  uint64_t sequence_;
  std::map<OrderId, std::vector<model::Challenge>> live_;
  std::map<OrderId, Leaving> leaving_;
  link::Bytes message_;  // the lane set of sequence_, serialised once for all
  task::TimerId renew_timer_ = 0;
};

}  // namespace lockstep::controller::challenges
