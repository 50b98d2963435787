// Ledger: until when any client may still hold an alternative of one site.
//
// A client keeps what it was told for `ma` seconds, wherever it was told it, and nobody can reach
// it. So what counts is not what the fleet says now but the last moment at which some node may have
// said it. A node is taken to say everything that it may be serving: from before a generation is
// sent to it until it was *seen* to serve a newer one. A node that was not seen has no end. `clear`
// is a newer value like any other: clients that do not come back never see it (docs/adr: the
// ledger).
//
// Pure: no clock, no I/O. `state()` is what has to be stored; store it before a generation is sent.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/names.h"
#include "controller/edge/alt_svc.h"
#include "controller/model/promise.h"

namespace lockstep::controller::edge {

using model::GenerationId;
using model::LedgerState;
using model::NodeLedger;
using model::Offer;

Offer OfferOf(const AltSvc& value);

// Whether what an alternative needs (port, server, name) may be taken away.
struct Retirement {
  bool allowed = false;
  // How long clients may still hold it; unset where there is no end, or nothing to wait for.
  std::optional<Micros> left;
  // Nodes that still say it because they are told to, and nodes that were told otherwise and were
  // not seen to have switched. Either kind has no end.
  std::vector<NodeName> advertising;
  std::vector<NodeName> unproved;
  std::string reason;     // why not, for an operator; empty if allowed
  std::string if_forced;  // what breaks if it is done nevertheless; empty if allowed
};

class Ledger {
 public:
  struct Options {
    // The longest life of a connection that keeps sending the field it began with. It bounds what a
    // server does after its configuration has changed: the drain of old connections.
    Micros old_connections = std::chrono::minutes(10);
    // What a response may spend on its way, and what clients' arithmetic may add.
    Micros slack = Seconds(60);
  };

  explicit Ledger(Options options, LedgerState state = {})
      : options_(options), state_(std::move(state)) {}

  // The node may serve `value` from now on: its generation is about to be sent, or the node said
  // that it serves it. True if that changed the state, which must be stored before the node hears.
  bool MaySend(const NodeName& node, GenerationId generation, const Offer& value);

  // The node was seen to serve this generation: on every protocol and address that it answers on,
  // by its present agent, after that had acknowledged it. It says nothing older from now on.
  bool Proved(const NodeName& node, GenerationId generation, WallTime now);

  // The node says nothing at all from now on: its withdrawal is proved, or an operator vouches that
  // the machine is gone. If it comes back, MaySend has to say with what.
  bool Silent(const NodeName& node, WallTime now);

  Retirement MayRetire(const Alternative& alternative, WallTime now) const;

  // Every alternative that a client may hold, with its end; unset: none.
  std::map<Alternative, std::optional<WallTime>> Ends(WallTime now) const;

  // Forgets what has run out. True if there was something.
  bool Prune(WallTime now);

  const LedgerState& state() const { return state_; }

 private:
  void Close(NodeLedger* node, const Offer& offer, WallTime now) const;

  const Options options_;
  LedgerState state_;
};

}  // namespace lockstep::controller::edge
