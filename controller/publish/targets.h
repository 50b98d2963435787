// Targets: what must be seen of a node before it counts as serving something.
#pragma once

#include <map>
#include <vector>

#include "controller/barrier/barrier.h"
#include "controller/fleet/fleet.h"
#include "controller/planner/planner.h"

namespace lockstep::controller::publish {

// A TLS and a QUIC handshake for each of these certificates.
std::vector<barrier::Target> HandshakesOf(const std::vector<planner::ServedCertificate>& served);

// What a generation, or what is new in one, asks of the nodes.
class Targets {
 public:
  Targets() = default;
  Targets(const std::vector<planner::ServedCertificate>& certificates,
          const std::vector<planner::ServedSite>& sites,
          std::map<NodeName, model::QuicTermsPtr> quic = {});
  // Everything of `plan`.
  static Targets AllOf(const planner::Plan& plan) {
    return Targets(plan.served, plan.sites, plan.quic);
  }
  // What `after` has and `before` had not.
  static Targets ChangedBy(const planner::Plan& before, const planner::Plan& after);

  // Whether `node` has been seen to serve them: by itself, and by a witness. Nothing to be seen of
  // it counts as seen. A node whose agent is older than the marks of sites is not asked for any:
  // of its sites there is just its word. One that refuses QUIC, as it was told to, is asked for
  // none.
  barrier::Verdict Judge(const fleet::LiveNode& node, const fleet::Fleet& fleet) const;

 private:
  std::vector<barrier::Target> handshakes_;
  std::vector<barrier::Target> all_;
  std::map<NodeName, model::QuicTermsPtr> quic_;
};

}  // namespace lockstep::controller::publish
