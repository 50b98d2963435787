#include "controller/certs/order_run.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/encoding.h"
#include "common/log/log.h"

namespace lockstep::controller::certs {
namespace {

constexpr Micros kEvaluateEvery = Millis(500);
constexpr size_t kMaxSteps = 200;
constexpr size_t kThumbprintLength = 43;  // base64url of a SHA-256

bool IsThumbprint(std::string_view text) {
  return text.size() == kThumbprintLength && Base64UrlDecode(text).ok();
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "; ") + line;
  return out;
}

}  // namespace

OrderRun::OrderRun(model::Order order, OrderLimits limits, OrderTools tools, OrderKeeper& keeper)
    : order_(std::move(order)),
      limits_(limits),
      tools_(tools),
      keeper_(keeper),
      secret_(Base64UrlEncode(RandomBytes(24))) {}

void OrderRun::Step(std::string what, std::string detail) {
  if (order_.steps.size() == kMaxSteps) return;
  order_.steps.push_back({std::move(what), std::move(detail), tools_.state.clock().Now()});
  keeper_.OnChanged(*this);
}

void OrderRun::Enter(model::OrderState state) { order_.state = state; }

void OrderRun::Start() {
  Enter(model::OrderState::kOrdering);
  Step("certbot started");
  IssueRequest request;
  request.order = order_.id;
  request.lineage = order_.certificate;
  request.hosts = order_.hosts;
  request.secret = std::string(secret_.Reveal());
  request.deadline = limits_.certbot_deadline;
  if (const auto* current = tools_.book.Find(order_.certificate)) {
    request.current_leaf_sha256 = current->leaf_sha256;
  }
  tools_.issuer.Start(std::move(request),
                      [weak = weak_from_this(), &state = tools_.state](IssueResult result) {
                        state.Post([weak, result = std::move(result)]() mutable {
                          if (auto self = weak.lock()) self->OnIssued(std::move(result));
                        });
                      });
}

Status OrderRun::CheckSecret(const std::string& secret) const {
  if (ConstantTimeEqual(secret, secret_.Reveal())) return Status::Ok();
  return PermissionDenied("the secret is not that of order " + order_.id.str());
}

Status OrderRun::CheckChallenges(const std::vector<model::Challenge>& challenges) const {
  if (challenges.empty()) return InvalidArgument("challenges: at least one is needed");
  std::set<std::string> tokens;
  for (const model::Challenge& challenge : challenges) {
    if (std::find(order_.hosts.begin(), order_.hosts.end(), challenge.host) == order_.hosts.end()) {
      return InvalidArgument("host " + challenge.host.Display() + " is not in order " +
                             order_.id.str());
    }
    const std::string prefix = challenge.token.str() + ".";
    if (!challenge.key_authorization.starts_with(prefix) ||
        !IsThumbprint(std::string_view(challenge.key_authorization).substr(prefix.size()))) {
      return InvalidArgument("key authorization for " + challenge.host.Display() +
                             " is not token \".\" thumbprint");
    }
    if (!tokens.insert(challenge.token.str()).second) {
      return InvalidArgument("two challenges have the same token");
    }
  }
  return Status::Ok();
}

void OrderRun::Perform(const std::string& secret, std::vector<model::Challenge> challenges,
                       Reply reply) {
  if (Status status = CheckSecret(secret); !status.ok()) return reply(std::move(status));
  if (order_.state != model::OrderState::kOrdering || refused_) {
    return reply(FailedPrecondition(std::string("order is ") + OrderStateName(order_.state) +
                                    " and takes no challenges"));
  }
  for (model::Challenge& challenge : challenges) challenge.order = order_.id;
  if (Status status = CheckChallenges(challenges); !status.ok()) return reply(std::move(status));
  reply_ = std::move(reply);
  Enter(model::OrderState::kBarrier);
  Step("challenges received",
       std::to_string(challenges.size()) + " of " + std::to_string(order_.hosts.size()) + " names");
  tools_.challenges.Publish(order_.id, challenges);
  deadline_timer_ = tools_.state.PostAfter(limits_.barrier_deadline, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->OnBarrierDeadline();
  });
  Evaluate();
}

void OrderRun::Cleanup(const std::string& secret, Reply reply) {
  if (Status status = CheckSecret(secret); !status.ok()) return reply(std::move(status));
  WithdrawChallenges();
  reply(Status::Ok());
}

void OrderRun::Evaluate() {
  if (order_.state == model::OrderState::kBarrier) {
    EvaluateBarrier();
  } else if (order_.state == model::OrderState::kRollingOut) {
    EvaluateRollout();
  }
}

void OrderRun::EvaluateLater() {
  tools_.state.Cancel(evaluate_timer_);
  evaluate_timer_ = tools_.state.PostAfter(kEvaluateEvery, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->Evaluate();
  });
}

barrier::Verdict OrderRun::LookAtBarrier() {
  auto verdict =
      barrier::Evaluate(tools_.fleet.Members(), tools_.challenges.TargetsOf(order_.id),
                        tools_.fleet.service_addresses(), tools_.fleet.book(), limits_.policy);
  order_.missing = verdict.missing;  // tolerated stragglers of an open one stay named
  if (!verdict.open) tools_.witnesses.Ask(verdict.ask_witness);
  return verdict;
}

void OrderRun::EvaluateBarrier() {
  if (committing_) return;
  const barrier::Verdict verdict = LookAtBarrier();
  if (!verdict.open) return EvaluateLater();
  if (rehearsed_) return Commit();
  Step("barrier open", "proved by " + std::to_string(verdict.proved) + " of " +
                           std::to_string(verdict.members) + " members");
  if (tools_.rehearsal.mode() != witness::RehearsalMode::kOff) return BeginRehearsal();
  rehearsed_ = true;
  Commit();
}

void OrderRun::BeginRehearsal() {
  Enter(model::OrderState::kRehearsal);
  std::vector<model::Challenge> challenges;
  for (model::Challenge& challenge : tools_.challenges.List()) {
    if (challenge.order == order_.id) challenges.push_back(std::move(challenge));
  }
  tools_.workers.Post([weak = weak_from_this(), &state = tools_.state,
                       &rehearsal = tools_.rehearsal,
                       challenges = std::move(challenges)](std::stop_token stop) {
    auto report = rehearsal.Run(challenges, stop);
    state.Post([weak, report = std::move(report)] {
      if (auto self = weak.lock()) self->OnRehearsed(report);
    });
  });
}

void OrderRun::OnRehearsed(const witness::RehearsalReport& report) {
  if (order_.state != model::OrderState::kRehearsal) return;
  order_.rehearsal = report.lines;
  if (!report.passed && tools_.rehearsal.mode() == witness::RehearsalMode::kRequire) {
    return Refuse(FailedPrecondition("the rehearsal failed: " + report.problem));
  }
  rehearsed_ = true;
  Step("rehearsed", report.passed ? "" : "warning: " + report.problem);
  // Membership and proofs again: a node may have come, gone or restarted meanwhile.
  Enter(model::OrderState::kBarrier);
  EvaluateBarrier();
}

void OrderRun::Commit() {
  committing_ = true;
  model::OrderStep step{"committed", "the CA may look", tools_.state.clock().Now()};
  model::Order committed = order_;
  committed.state = model::OrderState::kValidating;
  committed.steps.push_back(step);
  keeper_.Keep(committed, [weak = weak_from_this(), step = std::move(step)](const Status& kept) {
    if (auto self = weak.lock()) self->OnCommitKept(kept, step);
  });
}

void OrderRun::OnCommitKept(const Status& kept, model::OrderStep step) {
  if (!committing_) return;  // refused or ended meanwhile, which is stored behind it
  if (!kept.ok()) return Refuse(kept.Prefixed("the commit could not be stored"));
  committing_ = false;
  if (!LookAtBarrier().open) {
    // A node was lost while the disk wrote. The CA was told nothing: what is stored is taken back.
    keeper_.OnChanged(*this);
    return EvaluateLater();
  }
  tools_.state.Cancel(deadline_timer_);
  tools_.fleet.proofs().SettleChallenges(order_.id);
  Enter(model::OrderState::kValidating);
  order_.steps.push_back(std::move(step));
  keeper_.OnChanged(*this);
  Answer(Status::Ok());
}

void OrderRun::Answer(Status status) {
  committing_ = false;
  if (const Reply reply = std::exchange(reply_, nullptr)) reply(std::move(status));
}

void OrderRun::Refuse(Status why) {
  tools_.state.Cancel(deadline_timer_);
  // certbot ends with our words, and OnIssued makes them the order's.
  Enter(model::OrderState::kOrdering);
  refused_ = true;
  order_.error = why.message();
  Step("refused", why.message());
  WithdrawChallenges();
  Answer(std::move(why));
}

void OrderRun::OnBarrierDeadline() {
  if (order_.state != model::OrderState::kBarrier &&
      order_.state != model::OrderState::kRehearsal) {
    return;
  }
  if (order_.state == model::OrderState::kRehearsal) {
    return Refuse(DeadlineExceeded("the rehearsal did not end within the barrier's " +
                                   FormatDuration(limits_.barrier_deadline)));
  }
  if (committing_) {
    return Refuse(DeadlineExceeded("the commit could not be stored within the barrier's " +
                                   FormatDuration(limits_.barrier_deadline)));
  }
  Refuse(FailedPrecondition("not every node proved the challenges within " +
                            FormatDuration(limits_.barrier_deadline) + ": " +
                            Joined(order_.missing)));
}

void OrderRun::WithdrawChallenges() {
  if (!tools_.challenges.IsLive(order_.id)) return;
  tools_.challenges.Withdraw(
      order_.id, [weak = weak_from_this()](const challenges::Challenges::Gone& gone) {
        auto self = weak.lock();
        if (!self) return;
        std::string detail = "proved gone by " + std::to_string(gone.proved) + " nodes";
        for (const NodeName& node : gone.unproved) detail += "; not shown by " + node.str();
        self->Step("challenges removed", detail);
      });
}

void OrderRun::OnIssued(IssueResult result) {
  if (model::IsEnded(order_.state)) return;
  if (reply_) {
    // certbot or its helper died before the commit point: nobody waits for the answer any more. A
    // success that it claims all the same is none.
    Answer(Aborted("certbot ended before the barrier opened"));
    if (result.status.ok()) result.status = Aborted("certbot ended before the barrier opened");
  }
  WithdrawChallenges();
  order_.ca_error = result.ca_error;
  if (!result.status.ok() || refused_) {
    // A refusal of ours comes back as certbot's failure; its own words say less.
    return Fail(order_.error.empty() ? result.status.message() : order_.error);
  }
  Step("certificate issued");
  tools_.book.Add(
      order_.certificate, order_.hosts, std::move(result.chain_pem), std::move(result.key_pem),
      [weak = weak_from_this()](const Result<model::Certificate>& added) {
        auto self = weak.lock();
        if (!self || model::IsEnded(self->order_.state)) return;
        if (!added.ok()) {
          return self->Fail("what certbot stored cannot be served: " + added.status().message());
        }
        self->RollOut(*added);
      });
}

void OrderRun::RollOut(const model::Certificate& certificate) {
  order_.serial = certificate.serial;
  leaf_sha256_ = certificate.leaf_sha256;
  Enter(model::OrderState::kRollingOut);
  const auto generation = tools_.publisher.Changed(
      "certificate " + certificate.name + " revision " + std::to_string(certificate.revision));
  if (!generation.ok()) {
    return Fail("the certificate is stored but cannot be rolled out: " +
                generation.status().message());
  }
  order_.generation = *generation;
  Step("certificate stored",
       "serial " + certificate.serial + ", generation " + std::to_string(order_.generation));
  deadline_timer_ = tools_.state.PostAfter(limits_.rollout_deadline, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self || self->order_.state != model::OrderState::kRollingOut) return;
    self->Fail("not every node proved the certificate within " +
               FormatDuration(self->limits_.rollout_deadline) + ": " +
               Joined(self->order_.missing));
  });
  Evaluate();
}

void OrderRun::EvaluateRollout() {
  const bool published = tools_.publisher.proved_generation() >= order_.generation;
  std::vector<planner::ServedCertificate> served;
  for (const Hostname& host : order_.hosts) {
    // Where certificates overlap, one answers for the name; that need not be this one.
    const auto* chosen = published ? tools_.publisher.FindServed(host) : nullptr;
    if (chosen != nullptr && chosen->lineage != order_.certificate) continue;
    served.push_back({host, "", leaf_sha256_, {}});
  }
  auto verdict = barrier::Evaluate(tools_.fleet.Members(), publish::HandshakesOf(served),
                                   tools_.fleet.service_addresses(), tools_.fleet.book(), {});
  order_.missing = std::move(verdict.missing);
  if (verdict.open && published) {
    keeper_.KeepProofs(order_.id, FirstLooksAt(served));
    Step("proved everywhere", "by " + std::to_string(verdict.proved) + " of " +
                                  std::to_string(verdict.members) + " members");
    return Finish(model::OrderState::kDone);
  }
  if (published) tools_.witnesses.Ask(verdict.ask_witness);
  EvaluateLater();
}

std::vector<model::Proof> OrderRun::FirstLooksAt(
    const std::vector<planner::ServedCertificate>& served) const {
  std::vector<model::Proof> out;
  for (const auto& [subject, newest] : tools_.fleet.book()) {
    if (!model::IsHandshake(subject.kind)) continue;
    // By name: clang 14 lets no lambda take a structured binding.
    const auto is_it = [&host = subject.host,
                        &seen = newest.seen](const planner::ServedCertificate& certificate) {
      return certificate.host == host && certificate.leaf_sha256 == seen;
    };
    const model::Proof* first = tools_.fleet.proofs().FindFirst(subject);
    if (!newest.good || first == nullptr || std::ranges::none_of(served, is_it)) continue;
    out.push_back(*first);
    out.back().order = order_.id;
  }
  return out;
}

void OrderRun::OnDisconnected(const NodeName& node) {
  if (order_.state != model::OrderState::kValidating) return;
  order_.after_commit.push_back(node.str() + ": the session ended while the CA was looking");
  keeper_.OnChanged(*this);
}

void OrderRun::OnRolledBack(const model::Generation& generation, const std::string& problem) {
  if (order_.state != model::OrderState::kRollingOut) return;
  if (generation.number != order_.generation) return;
  Fail("generation " + std::to_string(generation.number) + " was rolled back: " + problem);
}

void OrderRun::Abort(const std::string& why) {
  if (model::IsEnded(order_.state)) return;
  tools_.issuer.Cancel(order_.id);
  Answer(Aborted(why));
  WithdrawChallenges();
  Fail(why);
}

void OrderRun::Fail(const std::string& error) {
  order_.error = error;
  Finish(model::OrderState::kFailed);
}

void OrderRun::Finish(model::OrderState state) {
  tools_.state.Cancel(deadline_timer_);
  tools_.state.Cancel(evaluate_timer_);
  if (state == model::OrderState::kDone) order_.missing.clear();
  Enter(state);
  order_.ended_at = tools_.state.clock().Now();
  Step(state == model::OrderState::kDone ? "done" : "failed", order_.error);
}

}  // namespace lockstep::controller::certs
