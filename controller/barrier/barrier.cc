#include "controller/barrier/barrier.h"

#include <algorithm>
#include <iterator>

#include "controller/barrier/parameters.h"

namespace lockstep::controller::barrier {
namespace {

using model::ProbeKind;
using model::ProofBook;
using model::ProofSubject;

constexpr size_t kLinesPerMember = 3;

ProofSubject SubjectOf(const Member& member, const Target& target, const IpAddress& address,
                       bool witnessed) {
  return {member.node, target.kind, target.host, target.token, address, witnessed};
}

std::string OtherThanExpected(ProbeKind kind) {
  switch (kind) {
    case ProbeKind::kChallenge:
      return "answered with other bytes";
    case ProbeKind::kTls:
    case ProbeKind::kQuic:
      return "still shows another certificate";
    case ProbeKind::kSite:
      return "shows another version";
  }
  return "shows something else";
}

// What one member lacks of one target.
struct Lack {
  std::vector<std::string> lines;
  std::vector<ProofSubject> ask_witness;
};

void LookLocally(const Member& member, const Target& target,
                 const std::vector<IpAddress>& service_addresses, const ProofBook& proofs,
                 Lack* lack) {
  for (const IpAddress& address : service_addresses) {
    const ProofSubject subject = SubjectOf(member, target, address, false);
    const std::string problem = Problem(member, subject, target.expected, proofs);
    if (!problem.empty()) lack->lines.push_back(Describe(subject) + ": " + problem);
  }
}

void LookThroughWitnesses(const Member& member, const Target& target, const ProofBook& proofs,
                          Lack* lack) {
  if (member.node_addresses.empty()) {
    lack->lines.push_back("has no address of its own through which a witness could look");
    return;
  }
  for (const IpAddress& address : member.node_addresses) {
    const ProofSubject subject = SubjectOf(member, target, address, true);
    const std::string problem = Problem(member, subject, target.expected, proofs);
    if (problem.empty()) continue;
    lack->lines.push_back(Describe(subject) + ": " + problem);
    lack->ask_witness.push_back(subject);
  }
}

Lack LackOf(const Member& member, const Target& target,
            const std::vector<IpAddress>& service_addresses, const ProofBook& proofs,
            const Policy& policy) {
  Lack lack;
  if (target.kind == ProbeKind::kQuic && member.quic && !member.quic->is_served) return lack;
  const bool pulled = !member.connected && policy.straggler == Policy::Straggler::kPull &&
                      target.kind == ProbeKind::kChallenge;
  if (!pulled) {
    if (!member.connected) {
      lack.lines.push_back("is not connected and counts as announcing");
      return lack;
    }
    LookLocally(member, target, service_addresses, proofs, &lack);
    // A witness costs another node's time: it is asked once the node itself sees the right thing.
    if (!lack.lines.empty()) return lack;
  }
  LookThroughWitnesses(member, target, proofs, &lack);
  return lack;
}

void AddLines(const Member& member, std::vector<std::string> lines, Verdict* verdict) {
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  for (size_t i = 0; i < lines.size() && i < kLinesPerMember; ++i) {
    verdict->missing.push_back(member.node.str() + ": " + lines[i]);
  }
  if (lines.size() > kLinesPerMember) {
    verdict->missing.push_back(member.node.str() + ": and " +
                               std::to_string(lines.size() - kLinesPerMember) + " more");
  }
}

}  // namespace

std::string Describe(const ProofSubject& subject) {
  std::string what;
  switch (subject.kind) {
    case ProbeKind::kChallenge:
      what = "challenge";
      break;
    case ProbeKind::kTls:
      what = "TLS certificate";
      break;
    case ProbeKind::kQuic:
      what = "QUIC certificate";
      break;
    case ProbeKind::kSite:
      what = "site";
      break;
  }
  if (subject.kind != ProbeKind::kSite) what += " for";
  what += " " + subject.host.ascii() + " on " + subject.address.ToString();
  if (subject.witnessed) what += " (witnessed)";
  return what;
}

std::string Problem(const Member& member, const ProofSubject& subject, const std::string& expected,
                    const ProofBook& proofs) {
  const auto found = proofs.find(subject);
  if (found == proofs.end()) return "not seen yet";
  const model::Proof& proof = found->second;
  if (member.connected && proof.boot_id != member.boot_id) {
    return "seen only before the agent restarted";
  }
  if (!proof.good) return proof.problem.empty() ? "not answered as it must be" : proof.problem;
  if (proof.seen != expected) return OtherThanExpected(subject.kind);
  if (subject.kind == ProbeKind::kQuic && member.quic) {
    const auto wanted = member.quic->Find(subject.host);
    if (wanted) return JudgeParameters(proof.observation, *wanted);
  }
  return "";
}

Verdict Evaluate(const std::vector<Member>& members, const std::vector<Target>& targets,
                 const std::vector<IpAddress>& service_addresses, const ProofBook& proofs,
                 const Policy& policy) {
  Verdict verdict;
  verdict.members = static_cast<int>(members.size());
  for (const Member& member : members) {
    std::vector<std::string> lines;
    for (const Target& target : targets) {
      Lack lack = LackOf(member, target, service_addresses, proofs, policy);
      std::move(lack.lines.begin(), lack.lines.end(), std::back_inserter(lines));
      std::move(lack.ask_witness.begin(), lack.ask_witness.end(),
                std::back_inserter(verdict.ask_witness));
    }
    if (lines.empty()) {
      ++verdict.proved;
    } else {
      verdict.stragglers.push_back(member.node);
      AddLines(member, std::move(lines), &verdict);
    }
  }
  const int allowed = policy.straggler == Policy::Straggler::kTolerate ? policy.tolerate : 0;
  const int missing = verdict.members - verdict.proved;
  verdict.open = verdict.proved > 0 && missing <= allowed;
  if (members.empty()) verdict.missing.push_back("no enrolled node counts as announcing");
  return verdict;
}

}  // namespace lockstep::controller::barrier
