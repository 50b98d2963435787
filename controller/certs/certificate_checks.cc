#include "controller/certs/certificate_checks.h"

#include <algorithm>

#include "common/log/log.h"

namespace lockstep::controller::certs {
namespace {

constexpr Micros kDeadline = Seconds(10);
constexpr Micros kPoll = Millis(200);

std::vector<barrier::Target> TargetsOf(const model::Certificate& certificate) {
  std::vector<planner::ServedCertificate> served;
  for (const Hostname& host : certificate.hosts) {
    served.push_back({host, certificate.name, certificate.leaf_sha256, certificate.not_after});
  }
  return publish::HandshakesOf(served);
}

}  // namespace

struct CertificateChecks::Running {
  std::vector<barrier::Target> targets;
  WallTime since;
  MonoTime deadline;
  std::function<void(Result<barrier::Verdict>)> done;
};

void CertificateChecks::Check(const std::string& lineage,
                              std::function<void(Result<barrier::Verdict>)> done) {
  const model::Certificate* certificate = book_.Find(lineage);
  if (certificate == nullptr) return done(NotFound("no certificate " + Quoted(lineage)));
  auto running = std::make_shared<Running>();
  running->targets = TargetsOf(*certificate);
  running->since = state_.clock().Now();
  running->deadline = state_.clock().Mono() + kDeadline;
  running->done = std::move(done);
  for (const auto& [name, live] : fleet_.nodes()) {
    if (!live.connected) continue;
    agent::v1::ControllerMessage message;
    auto* request = message.mutable_proof_request();
    for (const Hostname& host : certificate->hosts) request->add_hosts(host.ascii());
    const Status sent = fleet_.link().Send(name, std::move(message));
    if (!sent.ok()) log::Warning("certs.not_asked", {{"node", name.str()}, {"status", sent}});
  }
  Continue(running);
}

void CertificateChecks::Continue(const std::shared_ptr<Running>& running) {
  // What was seen before the call does not count.
  model::ProofBook fresh;
  for (const auto& [subject, proof] : fleet_.book()) {
    if (proof.observed_at >= running->since) fresh.emplace(subject, proof);
  }
  const auto verdict =
      barrier::Evaluate(fleet_.Members(), running->targets, fleet_.service_addresses(), fresh, {});
  if (verdict.open || state_.clock().Mono() >= running->deadline) return running->done(verdict);
  witnesses_.Ask(verdict.ask_witness);
  state_.PostAfter(kPoll, [this, running] { Continue(running); });
}

std::vector<model::Proof> CertificateChecks::ProofsOf(const model::Certificate& certificate) const {
  std::vector<model::Proof> out;
  for (const auto& [subject, proof] : fleet_.book()) {
    if (!model::IsHandshake(subject.kind)) continue;
    if (std::find(certificate.hosts.begin(), certificate.hosts.end(), subject.host) ==
        certificate.hosts.end()) {
      continue;
    }
    model::Proof judged = proof;
    const fleet::LiveNode* live = fleet_.Find(subject.node);
    if (live == nullptr) continue;
    judged.problem = barrier::Problem(fleet::Fleet::MemberOf(*live), subject,
                                      certificate.leaf_sha256, fleet_.book());
    judged.good = judged.problem.empty();
    out.push_back(std::move(judged));
  }
  return out;
}

}  // namespace lockstep::controller::certs
