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
                 const std::vector<planner::ServedSite>& sites,
                 std::map<NodeName, model::QuicTermsPtr> quic)
    : handshakes_(HandshakesOf(certificates)), all_(handshakes_), quic_(std::move(quic)) {
  for (const planner::ServedSite& site : sites) {
    // The mark is answered with itself.
    all_.push_back(
        {model::ProbeKind::kSite, site.host, site.mark, HexEncode(crypto::Sha256(site.mark))});
  }
}

Targets Targets::ChangedBy(const planner::Plan& before, const planner::Plan& after) {
  return Targets(planner::ChangedHandshakes(before, after), planner::ChangedSites(before, after),
                 after.quic);
}

barrier::Verdict Targets::Judge(const fleet::LiveNode& node, const fleet::Fleet& fleet) const {
  const auto& targets = node.KnowsSiteMarks() ? all_ : handshakes_;
  barrier::Member member = fleet::Fleet::MemberOf(node);
  // What the plan asks of it, whatever it shows at this moment.
  const auto terms = quic_.find(node.node.name);
  member.quic = terms == quic_.end() ? nullptr : terms->second;
  if (node.RefusesQuic()) {
    member.quic = std::make_shared<const model::QuicTerms>(model::QuicTerms{false, {}, nullptr});
  }
  barrier::Verdict verdict =
      barrier::Evaluate({member}, targets, fleet.service_addresses(), fleet.book(), {});
  verdict.open = verdict.open || targets.empty();
  return verdict;
}

}  // namespace lockstep::controller::publish
