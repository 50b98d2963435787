#include "controller/witness/witnesses.h"

#include <algorithm>

#include "common/log/log.h"

namespace lockstep::controller::witness {
namespace {

constexpr size_t kTargetsPerRequest = 256;
constexpr Micros kAttemptsKept = std::chrono::minutes(10);
constexpr size_t kAttemptsBeforePrune = 20'000;

types::v1::ProbeKind ToProto(model::ProbeKind kind) {
  return static_cast<types::v1::ProbeKind>(kind);
}

look::Look LookAt(const model::ProofSubject& subject) {
  look::Look out;
  out.kind = ToProto(subject.kind);
  out.address = subject.address;
  out.host = subject.host;
  if (subject.kind == model::ProbeKind::kChallenge)
    out.token = *ChallengeToken::Parse(subject.token);
  if (subject.kind == model::ProbeKind::kSite) out.mark = *SiteMark::Parse(subject.token);
  return out;
}

// The subject that an observation of a report is about. The node is the request's, never the
// report's word.
bool IsAbout(const types::v1::Observation& observation, const model::ProofSubject& subject) {
  return observation.kind() == ToProto(subject.kind) &&
         observation.host() == subject.host.ascii() &&
         observation.address() == subject.address.ToString() &&
         observation.token() == subject.token;
}

}  // namespace

Witnesses::Witnesses(Options options, task::Executor& state, fleet::Fleet& fleet,
                     task::WorkerPool& pool, look::Observer& observer)
    : options_(options), state_(state), fleet_(fleet), pool_(pool), observer_(observer) {}

void Witnesses::Ask(const std::vector<model::ProofSubject>& subjects) {
  PruneAttempts();
  const MonoTime now = state_.clock().Mono();
  // By the subject's node and whom to ask about it.
  std::map<std::pair<NodeName, const fleet::LiveNode*>, std::vector<model::ProofSubject>> due;
  for (const model::ProofSubject& subject : subjects) {
    Attempts& attempts = attempts_[subject];
    if (attempts.in_flight || now < attempts.not_before) continue;
    attempts.in_flight = true;
    due[{subject.node, PickWitness(subject, attempts)}].push_back(subject);
    ++attempts.count;
  }
  for (auto& [key, group] : due) {
    const auto& [node, witness] = key;
    for (size_t at = 0; at < group.size(); at += kTargetsPerRequest) {
      const auto first = group.begin() + static_cast<ptrdiff_t>(at);
      const auto last =
          group.begin() + static_cast<ptrdiff_t>(std::min(at + kTargetsPerRequest, group.size()));
      std::vector<model::ProofSubject> part(first, last);
      if (witness != nullptr) {
        AskNode(*witness, node, std::move(part));
      } else {
        LookOurselves(node, std::move(part));
      }
    }
  }
}

const fleet::LiveNode* Witnesses::PickWitness(const model::ProofSubject& subject,
                                              const Attempts& attempts) const {
  const fleet::LiveNode* self = fleet_.Find(subject.node);
  std::vector<const fleet::LiveNode*> elsewhere;
  std::vector<const fleet::LiveNode*> same_pop;
  for (const auto& [name, live] : fleet_.nodes()) {
    if (name == subject.node || !live.connected || live.node.banned || !live.suspect.empty())
      continue;
    // An older agent refuses a whole request for one look that it does not know.
    if (subject.kind == model::ProbeKind::kSite && !live.KnowsSiteMarks()) continue;
    const bool same = self != nullptr && self->node.pop == live.node.pop;
    (same ? same_pop : elsewhere).push_back(&live);
  }
  const size_t all = elsewhere.size() + same_pop.size();
  if (all == 0) return nullptr;
  const bool is_challenge = subject.kind == model::ProbeKind::kChallenge;
  if (!is_challenge && attempts.refusals >= static_cast<int>(all)) return nullptr;
  // Other pops in turn, then this one; spread over the fleet by the subject's name.
  const size_t offset = std::hash<NodeName>()(subject.node);
  const size_t place = static_cast<size_t>(attempts.count) % all;
  if (place < elsewhere.size()) return elsewhere[(offset + place) % elsewhere.size()];
  return same_pop[(offset + place) % same_pop.size()];
}

void Witnesses::AskNode(const fleet::LiveNode& witness, const NodeName& subject,
                        std::vector<model::ProofSubject> subjects) {
  const uint64_t id = next_request_++;
  agent::v1::ControllerMessage message;
  auto* request = message.mutable_witness_request();
  request->set_request_id(id);
  request->set_subject(subject.str());
  request->mutable_deadline()->set_seconds(options_.deadline.count() / 1'000'000);
  for (const model::ProofSubject& one : subjects) {
    auto* target = request->add_targets();
    target->set_kind(ToProto(one.kind));
    target->set_address(one.address.ToString());
    target->set_host(one.host.ascii());
    target->set_token(one.token);
  }
  const Status sent = fleet_.link().Send(witness.node.name, std::move(message));
  if (!sent.ok()) {
    log::Warning("witness.not_asked", {{"witness", witness.node.name.str()}, {"status", sent}});
    return Settle(subjects);
  }
  Request& stored = requests_[id];
  stored.witness = witness.node.name;
  stored.subject = subject;
  stored.boot_id = BootIdOf(subject);
  stored.subjects = std::move(subjects);
  // A second more than the witness has: its report is on its way.
  stored.timer = state_.PostAfter(options_.deadline + Seconds(1), [this, id] {
    log::Warning("witness.no_report", {{"witness", requests_.at(id).witness.str()}});
    Finish(id);
  });
}

void Witnesses::LookOurselves(const NodeName& subject, std::vector<model::ProofSubject> subjects) {
  std::vector<look::Look> looks;
  for (const model::ProofSubject& one : subjects) looks.push_back(LookAt(one));
  look::ObserveAll(pool_, observer_, state_.clock(), std::move(looks), options_.deadline,
                   state_.clock().Mono() + options_.deadline * 4,
                   [this, subject, boot_id = BootIdOf(subject),
                    subjects = std::move(subjects)](look::Observations seen) {
                     state_.Post([this, subject, boot_id, subjects, seen = std::move(seen)] {
                       Settle(subjects);
                       for (const auto& observation : seen) {
                         fleet_.RecordWitnessed(subject, boot_id, "controller", observation);
                       }
                     });
                   });
}

std::string Witnesses::BootIdOf(const NodeName& node) const {
  const fleet::LiveNode* live = fleet_.Find(node);
  return live == nullptr ? "" : live->boot_id;
}

void Witnesses::OnWitnessReport(const fleet::LiveNode& witness,
                                const agent::v1::WitnessReport& report) {
  const auto found = requests_.find(report.request_id());
  if (found == requests_.end() || found->second.witness != witness.node.name) return;
  const Request request = found->second;
  Finish(report.request_id());
  if (!report.refused().empty()) {
    log::Info("witness.refused", {{"witness", witness.node.name.str()},
                                  {"subject", request.subject.str()},
                                  {"why", report.refused().substr(0, 200)}});
  }
  for (const model::ProofSubject& subject : request.subjects) {
    int& refusals = attempts_[subject].refusals;
    refusals = report.refused().empty() ? 0 : refusals + 1;
  }
  for (const auto& observation : report.observations()) {
    const bool asked = std::any_of(
        request.subjects.begin(), request.subjects.end(),
        [&](const model::ProofSubject& subject) { return IsAbout(observation, subject); });
    if (!asked) continue;
    fleet_.RecordWitnessed(request.subject, request.boot_id, witness.node.name.str(), observation);
  }
}

void Witnesses::OnDisconnected(const fleet::LiveNode& node) {
  std::vector<uint64_t> lost;
  for (const auto& [id, request] : requests_) {
    if (request.witness == node.node.name) lost.push_back(id);
  }
  for (const uint64_t id : lost) Finish(id);
}

void Witnesses::Finish(uint64_t request_id) {
  auto node = requests_.extract(request_id);
  if (node.empty()) return;
  state_.Cancel(node.mapped().timer);
  Settle(node.mapped().subjects);
}

void Witnesses::Settle(const std::vector<model::ProofSubject>& subjects) {
  for (const model::ProofSubject& subject : subjects) {
    Attempts& attempts = attempts_[subject];
    attempts.in_flight = false;
    attempts.not_before = state_.clock().Mono() + options_.pause;
  }
}

void Witnesses::PruneAttempts() {
  if (attempts_.size() < kAttemptsBeforePrune) return;
  const MonoTime old = state_.clock().Mono() - kAttemptsKept;
  std::erase_if(attempts_, [&](const auto& entry) {
    return !entry.second.in_flight && entry.second.not_before < old;
  });
}

}  // namespace lockstep::controller::witness
