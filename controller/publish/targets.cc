#include "controller/publish/targets.h"

#include "common/base/encoding.h"
#include "common/crypto/digest.h"

namespace lockstep::controller::publish {

std::vector<barrier::Target> HandshakesOf(const std::vector<planner::ServedCertificate>& served) {
  std::vector<barrier::Target> targets;
  for (const auto& one : served) {
    for (const auto kind : {model::ProbeKind::kTls, model::ProbeKind::kQuic}) {
      targets.push_back({kind, one.host, "", one.leaf_sha256});
    }
  }
  return targets;
}

Targets::Targets(const std::vector<planner::ServedCertificate>& certificates,
                 const std::vector<planner::ServedSite>& sites)
    : handshakes_(HandshakesOf(certificates)), all_(handshakes_) {
  for (const planner::ServedSite& site : sites) {
    // The mark is answered with itself.
    all_.push_back(
        {model::ProbeKind::kSite, site.host, site.mark, HexEncode(crypto::Sha256(site.mark))});
  }
}

Targets Targets::ChangedBy(const planner::Plan& before, const planner::Plan& after) {
  return Targets(planner::ChangedCertificates(before, after), planner::ChangedSites(before, after));
}

barrier::Verdict Targets::Judge(const fleet::LiveNode& node, const fleet::Fleet& fleet) const {
  const auto& targets = node.KnowsSiteMarks() ? all_ : handshakes_;
  barrier::Verdict verdict = barrier::Evaluate({fleet::Fleet::MemberOf(node)}, targets,
                                               fleet.service_addresses(), fleet.book(), {});
  verdict.open = verdict.open || targets.empty();
  return verdict;
}

}  // namespace lockstep::controller::publish
