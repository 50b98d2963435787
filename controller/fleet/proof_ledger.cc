#include "controller/fleet/proof_ledger.h"

#include <memory>

#include "common/base/encoding.h"
#include "common/crypto/digest.h"
#include "common/log/log.h"

namespace lockstep::controller::fleet {
namespace {

// Proofs are evidence for people once the barrier has judged them: a second's worth may be lost.
constexpr Micros kStoreDelay = Seconds(1);
// Proofs of challenges are for `order show`; those of certificates are renewed by every sweep.
constexpr Micros kKept = std::chrono::hours(24 * 30);
constexpr uint64_t kProofsBetweenPrunes = 1000;

// Whether a good look shows no more than that nothing has changed since the other.
bool Repeats(const model::Proof& later, const model::Proof& earlier) {
  return later.good && earlier.good && later.seen == earlier.seen &&
         later.boot_id == earlier.boot_id;
}

}  // namespace

void ProofLedger::Load(std::vector<model::Proof> proofs) {
  for (model::Proof& proof : proofs) {
    if (proof.subject.kind == model::ProbeKind::kChallenge) continue;
    first_.insert_or_assign(proof.subject, proof);
    book_.insert_or_assign(proof.subject, std::move(proof));
  }
}

void ProofLedger::ExpectChallenges(const OrderId& order,
                                   const std::vector<model::Challenge>& challenges) {
  for (const model::Challenge& challenge : challenges) {
    expected_tokens_.insert_or_assign(
        challenge.token.str(),
        ExpectedChallenge{order, challenge.host,
                          HexEncode(crypto::Sha256(challenge.key_authorization))});
  }
}

void ProofLedger::SettleChallenges(const OrderId& order) {
  for (auto& [token, expected] : expected_tokens_) {
    if (expected.order == order) expected.settled = true;
  }
}

void ProofLedger::ForgetChallenges(const OrderId& order) {
  StoreNow();
  std::erase_if(expected_tokens_, [&](const auto& entry) { return entry.second.order == order; });
  Forget([&](const auto& entry) {
    return entry.first.kind == model::ProbeKind::kChallenge && entry.second.order == order;
  });
}

void ProofLedger::ExpectHosts(std::set<Hostname> hosts) {
  expected_hosts_ = std::move(hosts);
  Forget([&](const auto& entry) {
    return model::IsHandshake(entry.first.kind) && !expected_hosts_.contains(entry.first.host);
  });
}

void ProofLedger::ExpectSites(std::map<std::string, Hostname> hosts_by_mark) {
  expected_marks_ = std::move(hosts_by_mark);
  // Also so that what was seen of content that comes back one day does not count by then.
  Forget([&](const auto& entry) {
    return entry.first.kind == model::ProbeKind::kSite && !IsExpectedSite(entry.first);
  });
}

void ProofLedger::ForgetSites(const std::set<NodeName>& nodes, const std::set<std::string>& marks) {
  Forget([&](const auto& entry) {
    return entry.first.kind == model::ProbeKind::kSite && nodes.contains(entry.first.node) &&
           marks.contains(entry.first.token);
  });
}

void ProofLedger::ForgetWitnessedQuic(const NodeName& node) {
  Forget([&](const auto& entry) {
    const model::ProofSubject& subject = entry.first;
    return subject.kind == model::ProbeKind::kQuic && subject.witnessed && subject.node == node;
  });
}

bool ProofLedger::IsExpectedSite(const model::ProofSubject& subject) const {
  const auto found = expected_marks_.find(subject.token);
  return found != expected_marks_.end() && found->second == subject.host;
}

bool ProofLedger::Record(model::Proof proof) {
  if (proof.subject.kind == model::ProbeKind::kChallenge) {
    const auto found = expected_tokens_.find(proof.subject.token);
    if (found == expected_tokens_.end() || found->second.host != proof.subject.host) return false;
    proof.order = found->second.order;
    if (proof.good && proof.seen != found->second.digest) {
      proof.good = false;
      proof.problem = "answered with other bytes";
    }
  } else if (proof.subject.kind == model::ProbeKind::kSite) {
    if (!IsExpectedSite(proof.subject)) return false;
  } else if (!expected_hosts_.contains(proof.subject.host)) {
    return false;
  }
  ++revision_;
  const bool tells = NoteFirst(proof);
  // Of a challenge only orders are told; of a certificate the newest look is stored. Sites are
  // looked at again whenever a stream begins, and each version would leave its own looks behind.
  if (model::IsHandshake(proof.subject.kind) ||
      (tells && proof.subject.kind == model::ProbeKind::kChallenge)) {
    unsaved_.insert_or_assign(proof.subject, proof);
  }
  book_.insert_or_assign(proof.subject, std::move(proof));
  StoreSoon();
  return true;
}

bool ProofLedger::NoteFirst(const model::Proof& proof) {
  if (IsSettled(proof.subject)) return false;
  const auto known = book_.find(proof.subject);
  if (known != book_.end() && Repeats(proof, known->second)) return false;
  first_.insert_or_assign(proof.subject, proof);
  return true;
}

bool ProofLedger::IsSettled(const model::ProofSubject& subject) const {
  const auto found = expected_tokens_.find(subject.token);
  return subject.kind == model::ProbeKind::kChallenge && found != expected_tokens_.end() &&
         found->second.settled;
}

void ProofLedger::ForgetNode(const NodeName& node) {
  const auto of_node = [&](const auto& entry) { return entry.first.node == node; };
  Forget(of_node);
  std::erase_if(unsaved_, of_node);
}

std::vector<model::Proof> ProofLedger::ProofsOf(const OrderId& order) const {
  std::vector<model::Proof> out;
  for (const auto& [subject, proof] : first_) {
    if (subject.kind == model::ProbeKind::kChallenge && proof.order == order) out.push_back(proof);
  }
  return out;
}

const model::Proof* ProofLedger::FindFirst(const model::ProofSubject& subject) const {
  const auto found = first_.find(subject);
  return found == first_.end() ? nullptr : &found->second;
}

void ProofLedger::StoreSoon() {
  if (store_timer_set_) return;
  store_timer_set_ = true;
  state_.PostAfter(kStoreDelay, [this] {
    store_timer_set_ = false;
    StoreNow();
  });
}

void ProofLedger::StoreNow() {
  if (unsaved_.empty()) return;
  auto proofs = std::make_shared<std::vector<model::Proof>>();
  for (auto& [subject, proof] : unsaved_) proofs->push_back(std::move(proof));
  unsaved_.clear();
  const bool prune = ++stored_ % kProofsBetweenPrunes == 0;
  const WallTime keep_from = state_.clock().Now() - kKept;
  database_.Run(
      [proofs, prune, keep_from](store::Stores& stores) -> Status {
        LS_RETURN_IF_ERROR(stores.proofs.Put(*proofs));
        return prune ? stores.proofs.Prune(keep_from).status() : Status::Ok();
      },
      [](const Status& status) {
        if (!status.ok()) log::Error("fleet.proofs_not_stored", {{"status", status}});
      },
      state_);
}

}  // namespace lockstep::controller::fleet
