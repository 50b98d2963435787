// Driver and Announcer: what the agent needs of the local servers. agent/drivers implements them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/reconcile/desired.h"
#include "common/status/status.h"

namespace lockstep::agent::apply {

// One local server that can be made to serve a desired state. Blocking calls, one at a time, each
// bounded by the driver's own deadlines. A driver's "ok" is a claim; the wire is asked afterwards.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual std::string name() const = 0;
  // "caddy/2.6.2"; empty while the server is not reachable.
  virtual std::vector<std::string> Capabilities() = 0;
  // Whether `desired` could be served, without changing anything that is served.
  virtual Status Check(const reconcile::Desired& desired) = 0;
  // Makes the server serve `desired`. `before` is what it served until now (null: unknown): what
  // the driver may have to disturb on purpose follows from the difference. After an error the
  // server still serves what it did.
  virtual Status Apply(const reconcile::Desired& desired, const reconcile::Desired* before) = 0;
  // Ok while the server runs what was last applied (and before anything was). An error once it lost
  // that, as after a restart, or somebody changed it: apply again.
  virtual Status Ensure() { return Status::Ok(); }
  // Things an operator should know, seen now: "caddy's admin socket is gone".
  virtual std::vector<std::string> Inspect() = 0;
  // While what was applied refuses QUIC: why clients may meet silence on the service addresses all
  // the same; empty if the kernel tells them that nobody listens.
  virtual std::vector<std::string> WhyNotRefused() { return {}; }
  // From now on `on_restart` is called, on a thread of the driver's, as soon as the server has come
  // up anew without what was applied. Drivers that only notice when asked (Ensure) ignore it.
  virtual void Watch(std::function<void()> on_restart) { (void)on_restart; }
  virtual void StopWatching() {}
};

struct AnnounceReport {
  enum class State { kUnknown, kAnnounced, kWithdrawn };
  State state = State::kUnknown;
  std::string evidence;
  std::vector<std::string> sessions;  // a line for each BGP session
  bool confirmed = false;             // somebody other than the local daemon saw the withdrawal
  // Withdrawn, and whoever withdrew it wants it back: Announce is called once the node is in step.
  bool wanted = false;
};

// What announces the service addresses. In doubt a node counts as announcing. Blocking calls, one
// at a time.
class Announcer {
 public:
  virtual ~Announcer() = default;
  // The addresses that it is about, whenever they change.
  virtual void SetServiceAddresses(std::vector<IpAddress>) {}
  virtual AnnounceReport Report() = 0;
  // Announces what whoever withdrew it wants back. UNIMPLEMENTED where nobody can say so.
  virtual Status Announce() = 0;
  // What the controller wants. kAnnounced takes back what an earlier kWithdrawn did, and nothing
  // that somebody else has withdrawn. Repeating it is harmless. Returns what was done, for a
  // person; UNIMPLEMENTED, with what to do by hand, where that is not lockstep's.
  enum class Wanted { kAnnounced, kWithdrawn };
  virtual Result<std::string> Want(Wanted wanted, const std::string& reason) = 0;
};

}  // namespace lockstep::agent::apply
