// Plan: what separates two desired states, and the steps from one to the other.
#pragma once

#include <string>
#include <vector>

#include "agent/reconcile/desired.h"

namespace lockstep::agent::reconcile {

// What `desired` changes. Names are sorted.
struct Changes {
  bool first = false;       // nothing is known of what was served before: everything counts as new
  bool identity = false;    // node or pop: they are in the answers of presets
  bool quic = false;        // who serves QUIC, as whom and with which keys
  bool challenges = false;  // thumbprint, peers or pull policy: the miss responder's, no server's

  std::vector<IpAddress> new_addresses;    // service and node addresses to listen on now
  std::vector<IpAddress> gone_addresses;   // and no more
  std::vector<std::string> changed_sites;  // new ones included
  std::vector<std::string> gone_sites;
  std::vector<std::string> changed_certificates;  // new ones included
  std::vector<std::string> gone_certificates;
  // The names that are served with another leaf than before, or for the first time.
  std::vector<Hostname> changed_hosts;
  // The names whose QUIC handshakes show other transport parameters, or another server.
  std::vector<Hostname> changed_quic_hosts;

  // A server that keeps a TLS configuration with its QUIC listener must open that anew.
  bool certificates_differ() const {
    return !changed_certificates.empty() || !gone_certificates.empty();
  }
  // The local servers must be told.
  bool disturbs_servers() const;
  bool empty() const { return !first && !challenges && !disturbs_servers(); }
};

// `before`: what was served until now; null: not known.
Changes CompareDesired(const Desired& desired, const Desired* before);

enum class StepKind {
  kPrepareChallenges,  // the miss responder learns its peers before a server asks it
  kApplyServers,       // each Driver::Apply
  kRenewHttp3,         // part of kApplyServers where the server needs it: live QUIC connections end
  kProveChanged,       // the looks that the acknowledgement waits for
  kProveBackground,    // the sweep after it
};

struct Step {
  StepKind kind;
  std::string reason;  // for people: "2 sites and 1 certificate changed"
  friend bool operator==(const Step&, const Step&) = default;
};

struct Plan {
  Changes changes;
  std::vector<Step> steps;  // in the order to take them; none: nothing to do
};

Plan MakePlan(const Desired& desired, const Desired* before);

}  // namespace lockstep::agent::reconcile
