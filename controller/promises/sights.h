// Sights: what the proofs that the fleet has anyway say of HTTP/3 of one site.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/edge/keeping.h"
#include "controller/fleet/fleet.h"
#include "controller/model/promise.h"
#include "controller/publish/publisher.h"

namespace lockstep::controller::promises {

// One announced node.
struct NodeSight {
  model::GenerationId generation;  // what it acknowledged; 0 if nothing that it is to serve
  std::string no_http3;            // why HTTP/3 is not proved for the site; empty if it is
  std::string not_shown;           // why this version of the site is not; empty if it was seen
  std::string value;               // of this version
  edge::Sight http3 = edge::Sight::kUnknown;
};

struct SiteSight {
  std::map<NodeName, NodeSight> nodes;  // all that count as announcing
  // Looks that only a witness can take.
  std::vector<model::ProofSubject> ask_witness;
};

// Judges with the targets that rollouts are judged by. Made for one moment: no event in between.
class Sights {
 public:
  Sights(const fleet::Fleet& fleet, const publish::Publisher& publisher)
      : fleet_(fleet), publisher_(publisher) {}

  SiteSight Look(const std::string& site);

  // HTTP/3 of the site on a node that is withdrawn for it, or returns: what witnesses saw through
  // its own addresses. Nothing if nobody listens on them: then there is only its own word, once it
  // has returned.
  std::optional<edge::Sight> LookAtWithdrawn(const fleet::LiveNode& live, const std::string& site);

 private:
  struct Terms {
    const planner::ServedSite* site = nullptr;  // null: the plan does not have it
    publish::Targets handshakes;
    publish::Targets mark;
  };
  const Terms& TermsOf(const publish::Release& release, const std::string& site);
  NodeSight LookAt(const fleet::LiveNode& live, const std::string& site, SiteSight* out);

  const fleet::Fleet& fleet_;
  const publish::Publisher& publisher_;
  std::map<std::pair<uint64_t, std::string>, Terms> terms_;
};

// A look at HTTP/3 of this host through each own address of the node on which somebody answers it.
std::vector<model::ProofSubject> WitnessedHttp3(const fleet::LiveNode& live, const Hostname& host);

}  // namespace lockstep::controller::promises
