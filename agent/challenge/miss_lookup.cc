#include "agent/challenge/miss_lookup.h"

#include <algorithm>
#include <iterator>

#include "agent/challenge/peer_source.h"
#include "common/log/log.h"

namespace lockstep::agent::challenge {
namespace {

MissAnswer::Kind KindOf(MissVerdict verdict) {
  switch (verdict) {
    case MissVerdict::kOnlyFromDisk:
      return MissAnswer::Kind::kOnlyFromDisk;
    case MissVerdict::kMethodNotAllowed:
      return MissAnswer::Kind::kMethodNotAllowed;
    default:
      return MissAnswer::Kind::kNotFound;
  }
}

}  // namespace

MissLookup::MissLookup(task::Executor& strand, task::WorkerPool& pool, ChallengeSource& controller,
                       uint64_t seed, MissSettings settings)
    : strand_(strand),
      pool_(pool),
      controller_(controller),
      settings_(settings),
      limit_(settings.per_second, settings.per_second),
      random_(seed) {}

void MissLookup::OnMiss(const MissRequest& request, Done done) {
  const MissRuling ruling = RuleOn(request, rules_);
  if (ruling.verdict != MissVerdict::kAsk) return done({KindOf(ruling.verdict), ""});
  const Key key{ruling.host.ascii(), ruling.token->str()};
  const auto under_way = waiting_.find(key);
  if (under_way != waiting_.end()) {
    under_way->second.push_back(std::move(done));
    return;
  }
  if (!limit_.Spend(strand_.clock().Mono())) return done({MissAnswer::Kind::kBusy, ""});
  waiting_[key].push_back(std::move(done));
  Ask({ruling.host, *ruling.token, ExpectedAnswer(*ruling.token, rules_), PickPeers()});
}

std::vector<PeerAddress> MissLookup::PickPeers() {
  std::vector<PeerAddress> picked;
  std::sample(rules_.peers.begin(), rules_.peers.end(), std::back_inserter(picked), settings_.peers,
              random_);
  std::shuffle(picked.begin(), picked.end(), random_);
  return picked;
}

void MissLookup::Ask(Question question) {
  pool_.Post([this, question = std::move(question)](std::stop_token stop) {
    const bool found = IsFound(question, std::move(stop));
    strand_.Post([this, key = Key{question.host.ascii(), question.token.str()},
                  body = question.expected, found] { OnAsked(key, body, found); });
  });
}

// The controller's "there is none" is final; peers are asked when it cannot be reached.
bool MissLookup::IsFound(const Question& question, std::stop_token stop) const {
  const Clock& clock = strand_.clock();
  const MonoTime end = clock.Mono() + settings_.deadline;
  const auto check = [&](ChallengeSource& source, Micros deadline) -> Status {
    const Result<std::string> answer = source.Fetch(question.host, question.token, deadline, stop);
    if (!answer.ok()) return answer.status();
    if (*answer == question.expected) {
      log::Info("miss.found", {{"host", question.host.ascii()}, {"source", source.name()}});
      return Status::Ok();
    }
    log::Warning("miss.wrong_answer", {{"host", question.host.ascii()}, {"source", source.name()}});
    return DataLoss("not the key authorization");
  };
  const Status asked =
      check(controller_, std::min(settings_.controller_deadline, end - clock.Mono()));
  if (asked.ok()) return true;
  if (asked.code() == Code::kNotFound || asked.code() == Code::kResourceExhausted) return false;
  size_t left = question.peers.size();
  for (const PeerAddress& peer : question.peers) {
    const Micros deadline = (end - clock.Mono()) / static_cast<int64_t>(left--);
    if (deadline <= Micros(0) || stop.stop_requested()) return false;
    PeerSource source(peer, settings_.peer_port);
    if (check(source, deadline).ok()) return true;
  }
  return false;
}

void MissLookup::OnAsked(const Key& key, const std::string& body, bool found) {
  const auto node = waiting_.extract(key);
  for (const Done& done : node.mapped()) {
    done(found ? MissAnswer{MissAnswer::Kind::kFound, body}
               : MissAnswer{MissAnswer::Kind::kNotFound, ""});
  }
}

}  // namespace lockstep::agent::challenge
